"""Tables from outside go through ingest, validate, split, augment and a search of one network, or are refused.

Whatever a table holds, and however it is written, a stage ends well or raises `UserMistake` with a message. The stages
are called as the engines call them; only the worker process of the search is replaced, for its start takes seconds.
"""

import datetime
import shutil
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from components.core.errors import EspalierError, UserMistake
from components.core.files import read_json, read_parquet
from components.core.predictions import read_member_oof
from components.project.edit import with_value
from components.project.params import read_params, section
from pipelines.engine.runner import stage_function
from pipelines.engine.stage import Stage

PARAMS = """\
seconds: none
seed: 0
metric: auto
ingest: {source: table}
validate: {target: y, on_error: warn}
split: {folds: 2}
augment: {}
search: {trials: 1, start: none, sampler: random, training: {epochs: 1, batch_size: {choose: [8, full]}}}
boosting: {trials: 1}
bagging: {}
stacking: {}
evaluate: {}
export: {}
"""
STAGES = ("ingest", "validate", "split", "augment", "search")

names = st.one_of(
    st.sampled_from(["a", "größe", "with space", "x,y", 'say "hi"', "two\nlines", "1", "fold", "row", "a.b", "#", "-"]),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8),
)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "numbers": st.floats(-1e6, 1e6),
    "any numbers": st.floats(allow_nan=False),
    "huge": st.sampled_from([1e308, -1e308, 3.5e38, 5e-324, 0.0, -0.0, 1.0]),
    "whole": st.integers(-(2**63), 2**63 - 1),
    "few whole": st.integers(0, 4),
    "flags": st.booleans(),
    "levels": st.sampled_from(["red", "green", "blue, dark", "x\ny", "Ü", "NA?"]),
    "dates": st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)),
    "days": st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)).map(str),
    "texts": texts,
    "mixed": st.one_of(st.integers(0, 9).map(str), st.sampled_from(["inf", "-", "12.5", "nan", "true", "2026-01-02"])),
    "one": st.just("same"),
    "nothing": st.none(),
}
TARGETS = ("flags", "few whole", "levels", "numbers", "any numbers", "huge", "whole", "classes", "mixed", "texts")
CLASSES = st.sampled_from([f"class {number}" for number in range(12)])


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, str]:
    """A frame of 4 to 60 rows and one to six columns, some of its cells missing, and the name of its target."""
    num_rows = draw(st.integers(4, 60))
    columns = draw(st.lists(names, min_size=2, max_size=6, unique_by=lambda name: name.strip()))
    kinds = [draw(st.sampled_from(TARGETS))]
    kinds += draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=len(columns) - 1, max_size=len(columns) - 1))
    frame = {}
    for name, kind in zip(columns, kinds, strict=True):
        values = CLASSES if kind == "classes" else VALUES[kind]
        if draw(st.booleans()):
            values = st.one_of(values, values, values, st.none())
        frame[name] = pd.Series(draw(st.lists(values, min_size=num_rows, max_size=num_rows)))
    return pd.DataFrame(frame), columns[0]


SPLITS = st.sampled_from(["{folds: 2}", "{folds: 1, test: 0}", "{folds: 3, test: 0.4, by: random}"])
AUGMENTS = st.sampled_from(["{}", "{copies: 1, noise: 0.5}", "{smote: true}"])


class InThisProcess:
    """Stands in for `Workers`: answers each task at once."""

    num_busy = 0
    num_idle = 1

    def __init__(
        self, count: int, make: Callable[..., Callable[[Any], Any]], *arguments: Any, hang_seconds: float
    ) -> None:
        self._handle = make(*arguments)
        self._answers: list[tuple[Hashable, Any]] = []

    def give(self, key: Hashable, task: Any) -> None:
        self._answers.append((key, self._handle(task)))
        self.num_busy, self.num_idle = 1, 0

    def answers(self, seconds: float | None = None) -> Iterator[tuple[Hashable, Any]]:
        taken, self._answers = self._answers, []
        self.num_busy, self.num_idle = 0, 1
        yield from taken

    def __enter__(self) -> "InThisProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def grow(root: Path) -> str:
    """Run the stages in a row; return the message of the one that refuses, or nothing."""
    for word in STAGES:
        out = root / "data" / word
        out.mkdir(parents=True)
        params = read_params(root)
        spec = section(params, word)
        stage = Stage(word=word, root=root, spec=spec, seed=params.top.seed, device="cpu", out=out)
        try:
            line = stage_function(word)(stage)
        except UserMistake as mistake:
            event(f"{word} refuses")
            return str(mistake)
        except EspalierError as error:  # one network from the whole space, which was all that was asked for
            if not str(error).startswith("the only trial failed: diverged (1)."):
                raise
            event("the network diverged")
            return str(error)
        assert line
    event("grown")
    return ""


def check_that_it_grows_or_is_refused(
    root: Path, table: tuple[pd.DataFrame, str], form: str, split: str, augment: str, seed: int
) -> None:
    frame, target = table
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    if form == "csv":
        frame.to_csv(root / "table", index=False)
    else:
        frame.to_parquet(root / "table", index=False)
    text = PARAMS.replace("{folds: 2}", split).replace("augment: {}", f"augment: {augment}")
    text = with_value(text.replace("seed: 0", f"seed: {seed}"), "validate.target", target)
    (root / "params.yaml").write_text(text, encoding="utf-8")
    message = grow(root)
    if message:
        assert len(message) > 20
        assert "None" not in message.split()
        return
    facts = read_json(root / "data" / "search" / "search.json")
    (state,) = read_parquet(root / "data" / "search" / "trials.parquet")["state"].tolist()
    assert state == "complete"
    for name in facts["members"]:
        assert np.isfinite(read_member_oof(root / "data" / "search" / "members" / name).values_nC).all()


ARGUMENTS = (tables(), st.sampled_from(["csv", "parquet"]), SPLITS, AUGMENTS, st.integers(0, 2**32 - 1))
QUICK = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def no_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.training.evaluate.Workers", InThisProcess)


@given(*ARGUMENTS)
@QUICK
def test_any_table_grows_or_is_refused(tmp_path, table, form, split, augment, seed):
    check_that_it_grows_or_is_refused(tmp_path / "project", table, form, split, augment, seed)


@pytest.mark.slow
@given(*ARGUMENTS)
@settings(QUICK, max_examples=300)
def test_many_tables_grow_or_are_refused(tmp_path, table, form, split, augment, seed):
    check_that_it_grows_or_is_refused(tmp_path / "project", table, form, split, augment, seed)
