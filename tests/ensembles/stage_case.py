"""How the tests of this folder run a stage of a small project, without the runner."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.core.deadlines import NEVER, Deadline
from components.core.files import write_json
from components.project.kinds import KINDS
from components.project.sections import section_class
from pipelines.engine.stage import Progress, Stage

SECTIONS: dict[str, dict[str, Any]] = {
    "ingest": {"source": "example:iris"},
    "validate": {"target": "species", "on_error": "warn"},
    "split": {"folds": 3},
    "augment": {},
    "boosting": {"trials": 3, "keep": 2, "early_stopping": {"patience": 5}, "trees": {"rounds": 20}},
    "bagging": {"trees": 25},
    "stacking": {},
    "export": {},
}


def run(
    root: Path,
    word: str,
    *,
    deadline: Deadline = NEVER,
    told: list[Progress] | None = None,
    metric: str = "auto",
    beside: dict[str, dict[str, Any]] | None = None,  # other sections that decide this stage
    **settings: Any,
) -> str:
    out = root / "data" / word
    out.mkdir(parents=True)
    stage = Stage(
        word=word,
        root=root,
        spec=section_class(word).model_validate({**SECTIONS[word], **settings}),
        seed=0,
        metric=metric,
        also={
            other: section_class(other).model_validate({} if beside is None else beside[other])
            for other in KINDS["table"].also.get(word, ())
        },
        out=out,
        deadline=deadline,
        cores=2,
        tell=(lambda progress: None) if told is None else told.append,
    )
    function: Callable[[Stage], str] = getattr(importlib.import_module(f"pipelines.{word}"), word)
    return function(stage)


def no_search(root: Path) -> None:
    write_json(root / "data" / "search" / "search.json", {"members": []})
