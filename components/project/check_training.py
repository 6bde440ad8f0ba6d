"""What `check` says about training and preprocessing that do not go with the task, where the file says the task."""

from collections.abc import Mapping
from typing import Any

from components.core.ranges import Group
from components.core.specs import Spec
from components.project.documents import Document
from components.project.forms import form_of_field
from components.project.reading import Reader
from components.project.space import space_of
from components.project.written import left_out


def judge_training(document: Document, sections: Mapping[str, Spec], reader: Reader) -> None:
    """Losses and weights of classes fit the task; smoothing of a number's labels is a wish without effect."""
    from components.training.fitting import misfits, smooths

    search: Any = sections.get("search")
    task: Any = getattr(sections.get("validate"), "task", "auto")
    if search is None or task == "auto":
        return
    space = space_of(search).fields["training"]
    assert isinstance(space, Group), "one class is one group"
    at = ("search", "training")
    for one in misfits(space, task):
        reader.wrong((*at, one.key), (*at, one.key), one.problem, one.way_out)
    section: type[Spec] = type(search)
    written = _written(document, (*at, "label_smoothing"))
    meant = written is not None and written != left_out(form_of_field(section, "training").specs[0], "label_smoothing")
    if task == "regression" and meant and smooths(space):
        place = (*at, "label_smoothing")
        reader.doubt(place, place, "has no effect: the target is a number, and has no labels.")


def judge_learned_target(document: Document, sections: Mapping[str, Spec], reader: Reader) -> None:
    """How a number is learned is a wish without effect where the target is classes."""
    if getattr(sections.get("validate"), "task", "auto") not in ("binary", "multiclass"):
        return
    for word, usual in (("search", "standard"), ("boosting", "none")):
        place = (word, "preprocess", "target")
        if word in sections and _written(document, place) not in (None, usual):
            reader.doubt(place, place, "has no effect: the target is classes, and is learned as they are.")


def judge_precision(document: Document, sections: Mapping[str, Spec], reader: Reader) -> None:
    """What saves time on a GPU alone is a wish without effect where the file wants the processor."""
    from components.training.fitting import precisions

    search: Any = sections.get("search")
    if search is None or document.values.get("device") != "cpu":
        return
    space = space_of(search).fields["training"]
    assert isinstance(space, Group), "one class is one group"
    place = ("search", "training", "precision")
    for word in precisions(space):
        if word == "tf32":
            reader.doubt(place, place, "has no effect: device is cpu, where tf32 is float32.")
        elif word == "bfloat16":
            reader.doubt(place, place, "saves no time: device is cpu, where bfloat16 only rounds.")


def _written(document: Document, place: tuple[str, ...]) -> Any:
    found: Any = document.values
    for step in place:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
