"""A space that was changed begins a new study; the best trials of the earlier ones that still fit it are offered.

They are offered and not taken: a clean clone has no earlier study, and has to grow the same bytes. They count once they
stand in `search.start` of params.yaml. (Optuna's studies cannot change a choice: optuna#2328 and its kin.)
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.core.contracts import JSON
from components.core.files import read_json, write_json
from components.core.ranges import Branches, Fixed, Group, Node
from components.search.past import score_of
from components.search.space import Value
from components.search.space_file import scalar
from components.search.start import fit
from components.search.study import finished, spec_of

ABOUT = "about.json"
MOST = 4


def write_about(study: Path, about: Mapping[str, Any]) -> None:
    """Note what the scores of a study mean: rows, folds, metric. Only studies of equal meaning are compared."""
    if not (study / ABOUT).exists():
        write_json(study / ABOUT, dict(about))


def offers(study: Path, space: Group, start: Sequence[Mapping[str, Value]], *, greater_is_better: bool) -> list[JSON]:
    """Return the best trials of the studies beside this one that fit its space, in the notation of `search.start`.

    Those that begin with what `start` (parameters by path) says anyway are left out.
    """
    about = read_json(study / ABOUT)
    ranked: list[tuple[float, str, int]] = []
    for other in sorted(study.parent.glob(f"*/{ABOUT}")):
        if other.parent == study or read_json(other) != about:
            continue
        for outcome in finished(other.parent):
            score = score_of(outcome)
            if score is not None:
                ranked.append((-score if greater_is_better else score, other.parent.name, outcome.number))
    points: list[JSON] = []
    for _, name, number in sorted(ranked):
        spec = spec_of(study.parent / name, number)
        if spec is None:
            continue
        params, misfits = fit(space, spec)
        if misfits or any(one.items() <= params.items() for one in start):
            continue
        point = searched_part(space, spec)
        if point and point not in points:
            points.append(point)
        if len(points) == MOST:
            break
    return points


def still_fitting(space: Group, points: Sequence[JSON], start: Sequence[JSON]) -> list[JSON]:
    """Return the points that fit a space and are not among the user's own."""
    own = [fit(space, point)[0] for point in start]
    return [point for point in points if not fit(space, point)[1] and fit(space, point)[0] not in own]


def searched_part(node: Node, value: Any) -> Any:
    """Return what a space searches of a settled value; None when it searches nothing there."""
    if isinstance(node, Fixed):
        return None
    group = node
    if isinstance(node, Branches):
        group = node.groups[value.get("name", value["kind"])]
    if not isinstance(group, Group):
        return value
    parts = {word: searched_part(field, value[word]) for word, field in group.fields.items() if word in value}
    kept = {word: part for word, part in parts.items() if part is not None}
    if group.kind is not None and (kept or isinstance(node, Branches)):
        kept = {"kind": group.kind, **kept}
    return kept or None


def start_lines(points: Sequence[JSON]) -> str:
    """Return points as they are written below `search:`."""
    return "\n".join(["start:", *(f"  - {scalar(dict(point))}" for point in points)])
