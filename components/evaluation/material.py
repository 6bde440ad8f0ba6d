"""What the other stages found out, read once from their outs: for the sentences, the plots and the report.

Nothing here is computed by models. What a clock decided (why a search ended, how long a stage took) lies outside the
outs, in `.espalier/`, is read by `read_endings` and by the report alone, and never reaches scores.json.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.files import read_json, read_parquet
from components.core.table import Schema
from components.evaluation.diagnosis import LEARNERS, Diagnosis, diagnose

SEARCHES = ("search", "boosting")
PLAIN = ("trial", "state", "cause", "message", "score", "rungs")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One line of a trials.parquet."""

    number: int
    state: str
    cause: str
    message: str  # what was said when it failed
    score: float | None
    params: Mapping[str, Any]
    fold_scores: tuple[float, ...] = ()  # of the folds that judged it


@dataclass(frozen=True, kw_only=True)
class Searched:
    """The out of search or boosting."""

    trials: tuple[Trial, ...]
    curves: Mapping[int, tuple[NDArray[np.float32], NDArray[np.float32]]]  # trial -> train, validation
    members: tuple[str, ...]  # the best first
    closed: tuple[str, ...] = ()  # "training.optimizer sgd: 14 of 14 diverged"

    @property
    def best_trial(self) -> int | None:
        """The number of the best member's trial: a member is called <kind>-<trial>."""
        return None if not self.members else int(self.members[0].rsplit("-", 1)[1])


@dataclass(frozen=True, kw_only=True)
class Material:
    """All of it."""

    schema: Schema
    ingest: Mapping[str, Any]
    split: Mapping[str, Any]
    augment: Mapping[str, Any]
    stacking: Mapping[str, Any]
    findings: Sequence[Mapping[str, Any]]
    searches: Mapping[str, Searched]


def read_material(folders: Mapping[str, Path]) -> Material:
    """Read the outs of a project: word -> data/<word>."""
    return Material(
        schema=Schema.read(folders["split"] / "schema.json"),
        ingest=read_json(folders["ingest"] / "ingest.json"),
        split=read_json(folders["split"] / "split.json"),
        augment=read_json(folders["augment"] / "augment.json"),
        stacking=read_json(folders["stacking"] / "stacking.json"),
        findings=[*read_json(folders["validate"] / "findings.json"), *read_json(folders["split"] / "findings.json")],
        searches={word: read_searched(folders[word], word) for word in SEARCHES},
    )


def read_searched(folder: Path, word: str) -> Searched:
    """Read trials, curves and names of members of search or boosting."""
    columns = read_parquet(folder / "trials.parquet")
    params = [name for name in columns if name not in PLAIN and not name.startswith("facts.") and not _is_fold(name)]
    folds = [name for name in columns if _is_fold(name)]
    trials = tuple(
        Trial(
            number=int(columns["trial"][i]),
            state=str(columns["state"][i]),
            cause=_words(columns["cause"][i]),
            message=_words(columns["message"][i]),
            score=float(columns["score"][i]) if np.isfinite(columns["score"][i]) else None,
            params={name: columns[name][i] for name in params if not _is_missing(columns[name][i])},
            fold_scores=tuple(float(columns[name][i]) for name in folds if np.isfinite(columns[name][i])),
        )
        for i in range(len(columns["trial"]))
    )
    curves = read_parquet(folder / "curves.parquet")
    found = {}
    for number in np.unique(curves["trial"]):
        inside = curves["trial"] == number
        train, validation = curves["train"][inside], curves["validation"][inside]
        both = np.isfinite(train) & np.isfinite(validation)
        found[int(number)] = (train[both], validation[both])
    facts = read_json(folder / f"{word}.json")
    closed = tuple(
        f"{one['path']} {one['value']} ({one['trials']} of {one['trials']} {one['cause']})" for one in facts["closed"]
    )
    return Searched(trials=trials, curves=found, members=tuple(facts["members"]), closed=closed)


def searched_facts(searched: Searched, *, greater_is_better: bool) -> dict[str, Any]:
    """Return the form of scores.json `searched`: counts, causes, the trial of the last gain and what came after it."""
    causes: dict[str, int] = {}
    best: float | None = None
    last_gain, after = None, 0
    for trial in searched.trials:
        after += 1
        if trial.state == "failed":
            causes[trial.cause] = causes.get(trial.cause, 0) + 1
        if trial.state != "complete" or trial.score is None:
            continue
        if best is None or (trial.score > best if greater_is_better else trial.score < best):
            best, last_gain, after = trial.score, trial.number, 0
    states = [trial.state for trial in searched.trials]
    return {
        "trials": len(states),
        **{state: states.count(state) for state in ("complete", "pruned", "failed")},
        "causes": dict(sorted(causes.items())),
        "last_gain": last_gain,
        "after": after,
        "last": searched.trials[-1].number if searched.trials else None,
    }


def diagnosis_of(material: Material, guess: float | None) -> dict[str, str]:
    """Diagnose the best network (`guess`: the loss of guessing); where there is none, the best booster."""
    for word in SEARCHES:
        searched = material.searches[word]
        number = searched.best_trial
        if number is not None and number in searched.curves:
            of_network = guess if word == "search" else None
            member = searched.members[0]
            kind = member.rpartition("-")[0]  # as in cnn-12
            found: Diagnosis = diagnose(*searched.curves[number], LEARNERS[word], guess=of_network, kind=kind)
            return {"member": member, "stage": word, **asdict(found)}
    nothing = Diagnosis(word="unknown", sentence="There is no learning curve to read.")
    return {"member": "", "stage": "", **asdict(nothing)}


def read_endings(studies: Path) -> dict[str, str]:
    """Return why search and boosting ended: word -> trials | seconds | stopped | space, as far as it is known."""
    found = {}
    for word in SEARCHES:
        path = studies / f"{word}.json"
        if path.exists() and "ended_by" in (note := read_json(path)):
            found[word] = str(note["ended_by"])
    return found


def _is_fold(name: str) -> bool:
    return name.startswith("fold_") and name[5:].isdigit()


def _words(value: Any) -> str:
    """Return a text; a column in which no trial said anything has no type, and comes back as numbers."""
    return value if isinstance(value, str) else ""


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


def network_table(folder: Path, schema: Schema) -> list[dict[str, Any]]:
    """Return the layers of a network member as {"layer", "shape", "parameters"}."""
    from components.networks import describe
    from components.networks.network import Inputs

    described = read_json(folder / "member.json")
    inputs = Inputs.from_json(read_json(folder / f"fold-{described['folds'][0]}.json")["inputs"])
    return describe(described["spec"]["network"], inputs, schema.num_outputs)
