"""The charts of the report: each takes plain numbers and returns an SVG element. Around them: `parts.py`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.evaluation.report.svg import Plot, escape, ticks

MOST_POINTS = 5000
SPARK_BINS = 16


def calibration(found: Sequence[Mapping[str, Any]], *, height: int = 208) -> str:
    """Draw predicted against observed shares with intervals and the diagonal; the more rows, the larger the point."""
    plot = Plot(x=(0, 1), y=(0, 1), height=height).axes(
        "what it says", "what came true", x_ticks=_TENTHS, y_ticks=(0, 0.25, 0.5, 0.75, 1)
    )
    plot.line([(0, 0), (1, 1)], "ideal")
    for one in found:
        plot.whisker(one["predicted"], one["observed_low"], one["observed_high"], "model faint")
    most = max(one["rows"] for one in found)
    for one in found:
        plot.dots([(one["predicted"], one["observed"])], "model", 2.5 + 4.5 * math.sqrt(one["rows"] / most))
    return plot.render("Predicted probability against observed share, in ten bins, with intervals")


_TENTHS = tuple(round(0.2 * index, 1) for index in range(6))


def probabilities(truth_n: NDArray[Any], event_n: NDArray[Any], classes: Sequence[str], *, height: int = 72) -> str:
    """Draw the histograms of the event's probability in the two classes, one up and one down."""
    edges = np.linspace(0, 1, 21)
    up, down = (np.histogram(event_n[truth_n == c], edges)[0] for c in (1, 0))
    most = max(up.max(), down.max(), 1)
    plot = Plot(x=(0, 1), y=(-most, most), height=height, top=4, bottom=6)
    for low, high, above, below in zip(edges[:-1], edges[1:], up, down, strict=True):
        plot.bar(low, high, 0, above, "fill-model")
        plot.bar(low, high, -below, 0, "fill-other")
    plot.text(plot.left + 6, 16, f"{classes[1]} {int(up.sum())}", "tick model-text")
    plot.text(plot.width - plot.right - 6, height - 10, f"{classes[0]} {int(down.sum())}", "tick end")
    return plot.render("Histogram of the predictions in both classes")


def predicted_against_true(
    truth_n: NDArray[Any], predicted_n: NDArray[Any], half: float, target: str, *, height: int = 204
) -> str:
    """Draw predictions against the truth with a band of plus and minus `half`."""
    both = np.concatenate([truth_n, predicted_n])
    low, high = _padded(float(both.min()), float(both.max()))
    plot = Plot(x=(low, high), y=(low, high), height=height)
    corners = [(low, low - half), (high, high - half), (high, high + half), (low, low + half)]
    places = "L".join(f"{a:g} {b:g}" for a, b in (plot.at(*corner) for corner in corners))
    plot.shapes.append(f'<path class="band" d="M{places}Z"/>')
    plot.axes(f"predicted {target}", f"true {target}")
    plot.line([(low, low), (high, high)], "ideal")
    chosen = sample(len(truth_n))
    plot.dots(zip(predicted_n[chosen].tolist(), truth_n[chosen].tolist(), strict=True), "model see-through", 3)
    return plot.render("Predicted against true values with the band that holds most errors")


def residuals(errors_n: NDArray[Any], *, height: int = 66) -> str:
    """Draw the histogram of truth minus prediction."""
    most = float(np.quantile(np.abs(errors_n), 0.99)) or 1.0
    counts, edges = np.histogram(np.clip(errors_n, -most, most), np.linspace(-most, most, 22))
    plot = Plot(x=(-most, most), y=(0, max(1, counts.max())), height=height, top=4, bottom=20)
    for low, high, rows in zip(edges[:-1], edges[1:], counts, strict=True):
        plot.bar(low, high, 0, rows, "fill-model")
    plot.line([(0, 0), (0, counts.max())], "ideal")
    for value in ticks(-most, most, 5):
        plot.text(plot.at(value, 0)[0], height - 5, f"{value:g}".replace("-", "−"), "tick mid")
    return plot.render("Histogram of the errors")


def history(
    points: Sequence[tuple[int, str, float | None]], title: str, *, greater_is_better: bool, height: int = 280
) -> str:
    """Draw every trial (number, state, score) and the best so far as a step line."""
    scored = [(number, state, value) for number, state, value in points if value is not None and math.isfinite(value)]
    done = [(number, value) for number, state, value in scored if state == "complete"]
    if not done:
        return ""
    values = sorted(value for _, value in done)
    worst, best = (values[0], values[-1]) if greater_is_better else (values[-1], values[0])
    middle = values[len(values) // 2]
    far = middle - 3 * abs(best - middle) if greater_is_better else middle + 3 * abs(best - middle)
    worst = max(worst, far) if greater_is_better else min(worst, far)  # one bad trial must not flatten the rest
    plot = Plot(x=(0, max(1, points[-1][0])), y=_padded(min(worst, best), max(worst, best)), height=height)
    plot.axes("trial", title)
    plot.dots([(n, v) for n, state, v in scored if state == "pruned"], "muted hollow", 2.6)
    plot.dots(done, "model see-through", 3.2)
    failed = [(n, plot.y[0]) for n, state, _ in points if state == "failed"]
    for number, low in failed:
        across, down = plot.at(number, low)
        plot.shapes.append(f'<path class="line cross" d="M{across - 3} {down - 3}l6 6m0 -6l-6 6"/>')
    steps: list[tuple[float, float]] = []
    top = None
    for number, value in done:
        if top is None or (value > top if greater_is_better else value < top):
            steps += [] if top is None else [(number, top)]
            steps.append((number, value))
            top = value
    assert top is not None
    plot.line([*steps, (plot.x[1], top)], "model")
    return plot.render("Score of every trial, and the best so far")


def curves(train_E: NDArray[Any], validation_E: NDArray[Any], step: str = "epoch", *, height: int = 220) -> str:
    """Draw loss curves of one model by its steps; the first ones may leave the frame, so that the rest is seen."""
    both = np.concatenate([train_E, validation_E]).astype(np.float64)
    settled = np.concatenate([one[len(one) // 10 :] for one in (train_E, validation_E)])
    if not np.isfinite(both).all():
        return ""
    span = float(settled.max() - settled.min())
    low, high = float(both.min()), min(float(both.max()), float(settled.max()) + 0.3 * span)
    best = int(np.argmin(validation_E))
    plot = Plot(x=(1, max(2, len(train_E))), y=_padded(low, high), width=420, height=height).axes(step, "loss")
    plot.line([(best + 1, plot.y[0]), (best + 1, plot.y[1])], "ideal")
    plot.line([(e + 1, float(v)) for e, v in enumerate(train_E)], "muted-line")
    plot.line([(e + 1, float(v)) for e, v in enumerate(validation_E)], "model")
    plot.dots([(best + 1, float(validation_E[best]))], "model", 4)
    return plot.render(f"Loss on fit rows and on scored rows by {step}")


def spark(counts_CB: NDArray[Any]) -> str:
    """Draw a small stacked histogram [classes or 1, bins]."""
    num_classes, num_bins = counts_CB.shape
    most = max(1, int(counts_CB.sum(axis=0).max()))
    drawn = []
    for b in range(num_bins):
        base = 28.0
        for c in range(num_classes):
            high = 26.0 * float(counts_CB[c, b]) / most
            if high > 0:
                base -= high
                shade = "model" if num_classes == 1 else f"{c % 6}"
                drawn.append(
                    f'<rect class="fill-{shade}" x="{b * 112 / num_bins:.1f}" y="{base:.1f}" '
                    f'width="{max(1.0, 112 / num_bins - 1):.1f}" height="{high:.1f}"/>'
                )
    return f'<svg class="spark" viewBox="0 0 112 28" aria-hidden="true">{"".join(drawn)}</svg>'


def shares(parts: Sequence[tuple[str, float]]) -> str:
    """Draw one bar divided into labelled shares (name, size), for the time of the stages."""
    total = sum(size for _, size in parts) or 1.0
    drawn, at = [], 0.0
    for index, (name, size) in enumerate(parts):
        width = 1000 * size / total
        drawn.append(
            f'<rect class="fill-{index % 6}" x="{at:.1f}" y="0" width="{max(0.0, width - 1):.1f}" height="26">'
            f"<title>{escape(name)} {size:.1f} s</title></rect>"
        )
        if width > 70:
            drawn.append(f'<text class="on-fill" x="{at + 8:.1f}" y="17">{escape(name)}</text>')
        at += width
    return f'<svg viewBox="0 0 1000 26" role="img" aria-label="Seconds of each stage">{"".join(drawn)}</svg>'


def sample(num_points: int) -> NDArray[np.int64]:
    """Return at most 5000 places, evenly over all."""
    if num_points <= MOST_POINTS:
        return np.arange(num_points)
    return np.linspace(0, num_points - 1, MOST_POINTS).astype(np.int64)


def _padded(low: float, high: float) -> tuple[float, float]:
    room = 0.05 * (high - low) or abs(high) * 0.05 or 0.5
    return low - room, high + room
