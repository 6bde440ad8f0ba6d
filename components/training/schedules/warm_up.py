"""Warm-up: in the first epochs the rate rises in a straight line to where its schedule has it (Goyal 2017).

It multiplies any schedule (torch: LinearLR chained with another), so it moves no step and no peak of it.
"""

FIRST = 0.01  # of the rate, in the first step: above 0, so that it is a step


def warm_up(epoch: float, warm_epochs: float) -> float:
    """Return what a schedule's factor is multiplied by: from 0.01 to 1 while `warm_epochs` pass, then 1."""
    if epoch >= warm_epochs:
        return 1.0
    return FIRST + (1 - FIRST) * epoch / warm_epochs
