"""Which sampler can model which space, and which pruner goes with what: said by `check`, before anything is trained.

Optuna's GP, CMA-ES and Sobol samplers silently draw at random whatever exists only in one branch of a space. A search
that is called Bayesian and is none is refused instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from components.core.errors import UserMistake
from components.core.ranges import Branches, Choice, FloatRange, Group, IntRange, Node
from components.search.grid import grid_size
from components.search.racing import FEWEST_FOLDS
from components.search.spec import SearchSettings
from components.search.unit import conditions, flat_parameters

FLAT_SAMPLERS = ("gp", "cmaes", "qmc")
LARGEST_GRID = 100_000


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One thing that cannot be: a key of the section, what is wrong there, and the way out."""

    key: str
    problem: str
    way_out: str


def refusals(space: Group, settings: SearchSettings, num_folds: int | None = None) -> list[Refusal]:
    """Return all that is refused; `num_folds` is that of the split, None where it is not known yet."""
    return [
        *_of_the_sampler(space, settings),
        *_of_objectives(settings),
        *_of_the_pruner(settings, num_folds),
    ]


def refused(space: Group, settings: SearchSettings, word: str, num_folds: int) -> None:
    """Raise UserMistake with all that is refused; `word` is the section. `check` says the same before."""
    found = [
        f"params.yaml: {word}.{one.key} {one.problem} {one.way_out}" for one in refusals(space, settings, num_folds)
    ]
    if found:
        raise UserMistake("\n".join(found))


def _of_the_sampler(space: Group, settings: SearchSettings) -> Iterator[Refusal]:
    sampler = settings.sampler
    if sampler in FLAT_SAMPLERS and (inside := conditions(space)):
        path, branch = next(iter(inside.items()))
        others = len(set(inside.values())) - 1
        more = "" if not others else f" (and {others} more such choice{'s' if others > 1 else ''})"
        yield Refusal(
            key="sampler",
            problem=f"is {sampler}, which cannot model a parameter that exists in one branch only: {path} depends on "
            f"what {branch} is{more}.",
            way_out=f"Write tpe, or set {branch} to one value.",
        )
    elif sampler == "cmaes":
        numbers = [one for one in flat_parameters(space).values() if isinstance(one, IntRange | FloatRange)]
        if len(numbers) < 2:
            yield Refusal(
                key="sampler",
                problem=f"is cmaes, which needs at least two numbers to search; here there are {len(numbers)}.",
                way_out="Write tpe or random, or give a second number a range.",
            )
    if sampler == "grid":
        yield from _of_the_grid(space)


def _of_the_grid(space: Group) -> Iterator[Refusal]:
    endless = next(_unbounded(space, ""), None)
    if endless is not None:
        yield Refusal(
            key="sampler",
            problem=f"is grid, but {endless} is a range of real numbers without steps: it has no end of points.",
            way_out=f"Give {endless} a step or {{choose: [...]}}, or write tpe.",
        )
    elif (size := grid_size(space)) > LARGEST_GRID:
        yield Refusal(
            key="sampler",
            problem=f"is grid, but the grid has {size} points.",
            way_out="Write random or tpe, or set more values.",
        )


def _of_objectives(settings: SearchSettings) -> Iterator[Refusal]:
    words = settings.objectives
    if words[0] != "score" or len(set(words)) < len(words):
        yield Refusal(
            key="objectives",
            problem=f"is [{', '.join(words)}]: it begins with score, and names nothing twice.",
            way_out="Write [score], [score, parameters] or [score, operations].",
        )
    if len(words) > 1 and settings.pruner != "none":
        yield Refusal(
            key="pruner",
            problem=f"is {settings.pruner}, but with several objectives nobody can say who falls behind.",
            way_out="Write pruner: none, or objectives: [score].",
        )
    if len(words) > 1 and settings.sampler == "cmaes":
        yield Refusal(
            key="sampler", problem="is cmaes, which has one objective.", way_out="Write tpe, or objectives: [score]."
        )


def _of_the_pruner(settings: SearchSettings, num_folds: int | None) -> Iterator[Refusal]:
    if settings.pruner != "racing" or num_folds is None:
        return
    if settings.num_score_folds(num_folds, 0) < FEWEST_FOLDS:
        narrow = num_folds if num_folds < FEWEST_FOLDS else settings.score_folds
        key = "split.folds" if num_folds < FEWEST_FOLDS else "search.score_folds"
        yield Refusal(
            key="pruner",
            problem=f"is racing, which compares candidates over at least {FEWEST_FOLDS} folds; {key} is {narrow}.",
            way_out=f"Write {key}: {max(5, FEWEST_FOLDS)}, or pruner: halving.",
        )


def _unbounded(node: Node, path: str) -> Iterator[str]:
    """Yield the paths of real ranges without steps, in order of the tree."""
    if isinstance(node, FloatRange) and node.step is None:
        yield path
    elif isinstance(node, Choice):
        for position, option in enumerate(node.options):
            yield from _unbounded(option, f"{path}.{position}")
    elif isinstance(node, Branches):
        for name, group in node.groups.items():
            yield from _fields(group, f"{path}.{name}")
    elif isinstance(node, Group):
        yield from _fields(node, ".".join(step for step in (path, node.kind) if step))


def _fields(group: Group, path: str) -> Iterator[str]:
    for word, field in group.fields.items():
        yield from _unbounded(field, f"{path}.{word}" if path else word)
