"""What each part of the ensemble adds: `python -m tests.benchmarks.ablation FOLDER...`; JSON on stdout.

FOLDER is what `tests.benchmarks.tables --keep` left of a run: the project and the rows that it never saw. Members that
the branches kept answer those rows once; then the first layer of stacking is chosen anew among some of them, by the
same rule as in the tree (`components/ensembles/stacking.py`). So all lines stand on the same models and the same
seconds: `networks` had 55 % of them, `boosting` 30 %; `without search` has of both only the known strong start points
that were kept. What a search without start points finds is a run of its own: `tables --set search.start=none`.

A last part times predictions: the exported model, 20 000 rows at once (best of three) and one row.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from components.core.files import read_json
from components.core.predictions import read_member_oof
from components.core.table import Schema, Table
from components.ensembles import boosting_libraries
from components.ensembles.ensemble_member import EnsembleMember
from components.ensembles.stacking import StackingSpec, align, choose
from components.metrics import get
from components.project.families import load_bundle, loaders
from components.training import portfolio
from tests.benchmarks.tables import METRIC_OF

BRANCHES = ("search", "boosting", "bagging")
ROWS = 20_000  # that are asked at once for the rows a second
ONE_ROW = 50  # single rows, one after another


class Kept:
    """A finished tree: its members' out-of-fold predictions, and what they answer to the test rows."""

    def __init__(self, folder: Path) -> None:
        self.folder, project = folder, folder / "project"
        self.bundle = load_bundle(project / "data/export")
        self.schema = Schema.read(project / "data/split/schema.json")
        self.metric = get(METRIC_OF[self.schema.task])
        self.test = pd.read_csv(folder / "test.csv")
        self.truth_t = np.load(folder / "truth.npy")
        stored = Table.open(self.schema, project / "data/ingest/table.parquet")
        asked = Table.of(self.schema, self.test)
        self.words: list[str] = []
        folders = []
        for word in BRANCHES:
            for name in read_json(project / f"data/{word}/{word}.json")["members"]:
                folders.append(project / f"data/{word}/members/{name}")
                self.words.append(word)
        described = [read_json(one / "member.json") for one in folders]
        self.is_start = [self._is_start(word, one["name"]) for word, one in zip(self.words, described, strict=True)]
        self.cost_M = np.array([one["cost"] for one in described], dtype=np.int64)
        self.oofs = [read_member_oof(one) for one in folders]
        members = [loaders()[one["family"]](place) for one, place in zip(described, folders, strict=True)]
        self.values_MtC = np.stack([member.predict(asked) for member in members])
        self.target = stored.target()

    def _is_start(self, word: str, name: str) -> bool:
        """Whether a member is no find of a search: a known start point, or of a branch that does not search."""
        if word == "bagging":
            return True
        task = self.schema.task
        if word == "search":
            known: Sequence[Any] = portfolio.start_points(task, num_rows=len(self.test))
        else:
            params = yaml.safe_load((self.folder / "project/params.yaml").read_text())
            known = boosting_libraries.start_points(params["boosting"]["library"], task)
        return int(name.rpartition("-")[2]) < len(known)

    def score(self, values_tC: NDArray[np.float32]) -> float:
        """Return the score on the test rows."""
        return float(self.metric(self.truth_t, values_tC[None])[0])

    def chosen(self, among: Sequence[int], method: str = "auto") -> float | None:
        """Return the test score of the ensemble of some members; None where there are none."""
        if not len(among):
            return None
        aligned = align([self.oofs[m] for m in among])
        spec = StackingSpec.model_validate({"method": method})
        choice = choose(
            spec, aligned, self.target[aligned.rows_n], self.cost_M[list(among)], metric=self.metric, seed=0
        )
        return self.score(choice.combiner(self.values_MtC[list(among)]))


def parts(kept: Kept) -> dict[str, Any]:
    """Return the test score of each part."""
    every = range(len(kept.words))
    only = {word: [m for m in every if kept.words[m] == word] for word in BRANCHES}
    whole = kept.bundle.member
    assert isinstance(whole, EnsembleMember)
    return {
        "whole": kept.score(whole.predict(Table.of(kept.schema, kept.test))),
        "without second layer": kept.chosen(every),
        "without search": kept.chosen([m for m in every if kept.is_start[m]]),
        "without stacking": kept.chosen(every, "best"),
        "plain average": kept.chosen(every, "average"),
        "networks": kept.chosen(only["search"]),
        "boosting": kept.chosen(only["boosting"]),
        "bagging": kept.chosen(only["bagging"]),
        "without networks": kept.chosen([*only["boosting"], *only["bagging"]]),
        "without boosting": kept.chosen([*only["search"], *only["bagging"]]),
        "best network": kept.chosen(only["search"], "best"),
        "best booster": kept.chosen(only["boosting"], "best"),
    }


def speed(kept: Kept) -> dict[str, float]:
    """Return rows a second of the exported model, and the median milliseconds of a single row, both in process.

    Rows that it was fitted on are as good as others here, where a table has too few of those.
    """
    every = pd.concat([kept.test, pd.read_csv(kept.folder / "train.csv")[kept.test.columns]])  # twins would flatter it
    every = every.sample(frac=1, random_state=0)
    many = pd.concat([every] * (1 + ROWS // len(every)), ignore_index=True).head(ROWS)
    kept.bundle.predict(many.head(100))
    times = []
    for _ in range(3):
        began = time.perf_counter()
        kept.bundle.predict(many)
        times.append(time.perf_counter() - began)
    single = []
    for number in range(ONE_ROW):
        row = many.iloc[number : number + 1]
        began = time.perf_counter()
        kept.bundle.predict(row)
        single.append(time.perf_counter() - began)
    return {"rows_a_second": ROWS / min(times), "one_row_ms": 1000 * float(np.median(single))}


def main() -> None:
    """Print a line for each folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    for folder in parser.parse_args().folders:
        kept = Kept(folder)
        found = {"run": folder.name, "metric": kept.metric.name, "scores": parts(kept), "speed": speed(kept)}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
