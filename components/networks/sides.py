"""How the sides of a picture change on the way through a convolutional network. No torch: `describe` counts with it."""

Padding = tuple[int, int]  # rows of zeros before and after, on both axes
Sides = tuple[int, int]

WINDOW = 2  # of a pooling, in pixels


def padding_of(rule: str | int, kernel: int, sides: Sides) -> Padding:
    """Return the zeros around a picture: same keeps its sides (at stride 1), valid adds none.

    Where a picture has become smaller than the kernel, every rule is same.
    """
    before = 0 if isinstance(rule, str) else rule
    if rule == "same" or min(sides) + 2 * before < kernel:
        return (kernel - 1) // 2, kernel // 2
    return before, before


def convolved(sides: Sides, kernel: int, stride: int, padding: Padding) -> Sides:
    """Return the sides behind a convolution."""
    height, width = ((side + sum(padding) - kernel) // stride + 1 for side in sides)
    return height, width


def window_of(sides: Sides) -> Sides:
    """Return the window of a pooling: a side of one pixel stays."""
    return min(WINDOW, sides[0]), min(WINDOW, sides[1])


def pooled(sides: Sides) -> Sides:
    """Return the sides behind a pooling: half, rounded down, but not nothing."""
    window = window_of(sides)
    return sides[0] // window[0], sides[1] // window[1]
