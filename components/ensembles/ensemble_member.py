"""The ensemble as a member like any other, and its folder: weights, and a copy of every member that has one.

    member.json       as of every member; family "ensemble"
    ensemble.json     method, combiner, threshold, names and families of the members with weight, and of those whom a
                      second layer with weight sees
    oof-<s>.parquet   predictions for fold s by combiners that have not seen it
    members/<name>/   the members' own folders

A loader gets the table of loaders from its caller, so this file knows no family, and every family added later can be
a member.

Legend: M members, N rows, C outputs.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import JSON, Loaders, Member, Predictions
from components.core.files import read_json, write_json
from components.core.member_files import read_oof
from components.core.predictions import joined, write_predictions
from components.core.table import Table
from components.ensembles.combine import Combiner
from components.ensembles.second_layer import FAMILY, SecondLayer, load_second


@dataclass(frozen=True, kw_only=True)
class EnsembleMember:
    """A `components.core.contracts.Member` made of members."""

    name: str
    family: str
    oof: Predictions
    members: tuple[Member, ...]
    combiner: Combiner  # over these members
    threshold: float | None  # two classes: from which probability on the event is called; None: the likelier class
    folder: Path

    def predict(self, table: Table, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Predict rows of a table, all of them by default [N, C]."""
        known: dict[str, NDArray[np.float32]] = {}
        for member in self.members:  # a second layer comes behind those that it sees
            if isinstance(member, SecondLayer):
                first = np.stack([known[one.name] for one in member.first])
                known[member.name] = member.answer(table, rows, first)
            else:
                known[member.name] = member.predict(table, rows)
        return self.combiner(np.stack(list(known.values())))

    def cost(self) -> int:
        """Multiply-adds per row, of all members."""
        return sum(member.cost() for member in self.members)

    def save(self, folder: Path) -> None:
        """Write the ensemble into an existing empty folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)


def write_ensemble(
    folder: Path,
    *,
    method: str,
    combiner: Combiner,
    threshold: float | None = None,
    sources: Sequence[Path],
    oof: Predictions,
    folds: Sequence[int],
    fold_scores: Sequence[float],
) -> None:
    """Write the ensemble's folder; `combiner` has one weight for each of the member folders `sources`.

    Members without weight stay behind, unless a second layer that has one sees them.
    """
    used = needed(combiner, sources)
    described = [read_json(sources[m] / "member.json") for m in used]
    for m, member in zip(used, described, strict=True):
        shutil.copytree(sources[m], folder / "members" / member["name"])
    for number in folds:
        mine = oof.fold_n == number
        part = Predictions(rows_n=oof.rows_n[mine], fold_n=oof.fold_n[mine], values_nC=oof.values_nC[mine])
        write_predictions(folder / f"oof-{number}.parquet", part)
    members = [{"name": member["name"], "family": member["family"]} for member in described]
    write_json(
        folder / "ensemble.json",
        {
            "method": method,
            "members": members,
            "combiner": combiner.only(np.array(used)).to_json(),
            "threshold": threshold,
        },
    )
    write_json(
        folder / "member.json",
        {
            "name": "ensemble",
            "family": "ensemble",
            "spec": {"method": method},
            "folds": list(folds),
            "fold_scores": list(fold_scores),
            "score": float(np.mean(fold_scores)),
            "cost": sum(member["cost"] for member in described),
            "table": described[0]["table"],
            "facts": {"members": len(described)},
        },
    )


def needed(combiner: Combiner, sources: Sequence[Path]) -> list[int]:
    """Return the members that have weight, or are seen by one that has: positions in `sources`."""
    used = {m for m in range(len(sources)) if combiner.weight_M[m] > 0}
    described = [read_json(source / "member.json") for source in sources]
    place = {member["name"]: m for m, member in enumerate(described)}
    seen = {place[name] for m in used if described[m]["family"] == FAMILY for name in described[m]["spec"]["sees"]}
    return sorted(used | seen)


def load_ensemble(folder: Path, loaders: Loaders) -> EnsembleMember:
    """Load an ensemble's folder; `loaders` has one for the family of each of its members."""
    ensemble: JSON = read_json(folder / "ensemble.json")
    described = read_json(folder / "member.json")
    members: dict[str, Member] = {}
    for one in ensemble["members"]:
        place = folder / "members" / one["name"]
        members[one["name"]] = load_second(place, members) if one["family"] == FAMILY else loaders[one["family"]](place)
    return EnsembleMember(
        name=described["name"],
        family=described["family"],
        oof=joined(read_oof(folder, number) for number in described["folds"]),
        members=tuple(members.values()),
        combiner=Combiner.from_json(ensemble["combiner"]),
        threshold=ensemble["threshold"],
        folder=folder,
    )
