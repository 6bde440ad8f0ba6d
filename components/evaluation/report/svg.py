"""Charts as plain SVG text: there before any script runs, a few kilobytes each, sharp in print.

Colours are CSS classes (`style.css`), so that light, dark and paper are one file. A `Plot` has its scales; shapes are
added in data units and clipped to the frame. Texts are escaped here: they may come from the data.
"""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

BESIDE_NUMBERS, WIDTH_OF_A_LETTER = (
    28,
    8.4,
)  # in units of the view box: the axis's name and some air; wide fonts, phones


def escape(text: object) -> str:
    """Escape a text for HTML, also inside quotes."""
    return html.escape(str(text), quote=True)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers (1, 2, 5 times a power of ten) that cover low to high."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_text(value: float) -> str:
    """Write a number of an axis: 0.5, 12 000, 1.5e6."""
    if value and (abs(value) >= 1e6 or abs(value) < 1e-3):
        return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e−")
    text = f"{value:,.10g}".replace(",", "\u202f")
    return text.replace("-", "−")


@dataclass(kw_only=True)
class Plot:
    """One chart with linear axes; width and height in units of the view box."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: int = 560
    height: int = 300
    left: int = 54
    right: int = 14
    top: int = 10
    bottom: int = 44
    shapes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Leave room for the longest number of the upright axis between its line and its name."""
        longest = max(len(tick_text(value)) for value in ticks(*self.y, 5))
        self.left = max(self.left, math.ceil(BESIDE_NUMBERS + WIDTH_OF_A_LETTER * longest))

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point, held inside the frame."""
        return self._across(x), self._down(y)

    def _across(self, x: float) -> float:
        share = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1.0)
        return round(self.left + min(1.0, max(0.0, share)) * (self.width - self.left - self.right), 1)

    def _down(self, y: float) -> float:
        share = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1.0)
        return round(self.height - self.bottom - min(1.0, max(0.0, share)) * (self.height - self.top - self.bottom), 1)

    def axes(
        self,
        x_title: str,
        y_title: str,
        *,
        x_ticks: Sequence[float] | None = None,
        y_ticks: Sequence[float] | None = None,
    ) -> "Plot":
        """Draw the grid, the numbers and what they are."""
        base = self.height - self.bottom
        for value in ticks(*self.y, 5) if y_ticks is None else y_ticks:
            down = self._down(value)
            self.shapes.append(f'<path class="grid" d="M{self.left} {down}H{self.width - self.right}"/>')
            self.text(self.left - 8, down + 4, tick_text(value), "tick end")
        for value in ticks(*self.x, 6) if x_ticks is None else x_ticks:
            across = self._across(value)
            self.shapes.append(f'<path class="axis" d="M{across} {base}v4"/>')
            reaches = across + WIDTH_OF_A_LETTER * len(tick_text(value)) / 2
            outside = reaches > self.width  # of the last number
            self.text(
                self.width if outside else across, base + 18, tick_text(value), "tick end" if outside else "tick mid"
            )
        self.shapes.append(f'<path class="axis" d="M{self.left} {base}H{self.width - self.right}"/>')
        self.text((self.left + self.width - self.right) / 2, self.height - 6, x_title, "name mid")
        middle = (self.top + base) / 2
        fits = int(2 * middle / WIDTH_OF_A_LETTER)  # letters, above and below the middle
        name = y_title if len(y_title) <= fits else f"{y_title[: fits - 1]}…"
        self.shapes.append(
            f'<text class="name mid" transform="translate(13 {middle:.0f}) rotate(-90)">{escape(name)}</text>'
        )
        return self

    def text(self, across: float, down: float, text: str, css: str = "tick") -> None:
        """Write a text at a place in units of the view box."""
        self.shapes.append(f'<text class="{css}" x="{across:.1f}" y="{down:.1f}">{escape(text)}</text>')

    def line(self, points: Iterable[tuple[float, float]], css: str) -> None:
        """Join points by a line."""
        places = [self.at(x, y) for x, y in points]
        self.shapes.append(f'<path class="line {css}" d="M{"L".join(f"{a:g} {b:g}" for a, b in places)}"/>')

    def dots(self, points: Iterable[tuple[float, float]], css: str, radius: float = 3.5) -> None:
        """Draw points; those of one call are one group."""
        drawn = "".join(f'<circle cx="{a:g}" cy="{b:g}" r="{radius:g}"/>' for a, b in (self.at(*p) for p in points))
        self.shapes.append(f'<g class="{css}">{drawn}</g>')

    def whisker(self, x: float, low: float, high: float, css: str) -> None:
        """Draw the interval of a value upright."""
        across, bottom, top = self._across(x), self._down(low), self._down(high)
        self.shapes.append(f'<path class="line {css}" d="M{across:g} {bottom:g}V{top:g}"/>')

    def bar(self, x0: float, x1: float, y0: float, y1: float, css: str) -> None:
        """Fill a rectangle between two corners, with a hair of room at its sides."""
        (a, bottom), (b, top) = self.at(x0, y0), self.at(x1, y1)
        width = max(0.5, b - a - 1)
        self.shapes.append(
            f'<rect class="{css}" x="{a + 0.5:g}" y="{top:g}" width="{width:g}" height="{max(0.0, bottom - top):g}"/>'
        )

    def render(self, label: str) -> str:
        """Return the element; `label` says to a screen reader what is to be seen."""
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(label)}">'
            f"{''.join(self.shapes)}</svg>"
        )


def interval_bar(
    value: float, low: float, high: float, scale: tuple[float, float], css: str, zero: float | None = None
) -> str:
    """Draw a number with its interval as a thin bar on a scale, 200 x 14; `zero` marks the line of no difference."""
    left, right = scale

    def place(number: float) -> float:
        share = (number - left) / ((right - left) or 1.0)
        return round(4 + 192 * min(1.0, max(0.0, share)), 1)

    mark = "" if zero is None else f'<path class="axis" d="M{place(zero)} 1V13"/>'
    return (
        '<svg class="interval" viewBox="0 0 200 14" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="track" d="M4 7H196"/>{mark}<path class="line thick {css}" d="M{place(low)} 7H{place(high)}"/>'
        f'<path class="line needle {css}" d="M{place(value)} 2V12"/></svg>'
    )
