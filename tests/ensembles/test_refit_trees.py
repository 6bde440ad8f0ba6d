"""Kept boosters grown again on all rows: what they are grown on and how long, what stays, and what the clock leaves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ensemble_case import folds_of, table_of
from stage_case import no_search, run

from components import metrics
from components.core.contracts import JSON, Candidate, Fold
from components.core.deadlines import NEVER, Deadline
from components.core.files import hash_folder, read_json
from components.core.predictions import read_member_oof
from components.core.seeds import derive
from components.ensembles import boosting_refit
from components.ensembles.boosting import BoosterStopping, TreesSpec
from components.ensembles.boosting_evaluate import BoosterEvaluate
from components.ensembles.boosting_fit import Asked
from components.ensembles.boosting_libraries import LIBRARIES
from components.ensembles.boosting_member import load_booster
from components.ensembles.boosting_refit import MORE_ROUNDS, refit, rounds_of
from components.ensembles.newest_fold import newest_fold_only
from components.ensembles.stacking import load_ensemble
from components.project.families import loaders
from pipelines.engine.stage import Progress

FOLDS = folds_of(150)
EACH = pytest.mark.parametrize("library", list(LIBRARIES))


def evaluator(task: str, cores: int = 1) -> BoosterEvaluate:
    table = table_of(task)
    metric = metrics.resolve("auto", task)
    return BoosterEvaluate(table=table, metric=metric, seed=3, cores=cores, stopping=BoosterStopping(patience=5))


def grown(folder: Path, task: str = "binary", folds: Sequence[Fold] = FOLDS, **trees: Any) -> Path:
    """The folder of a member, as the search leaves it."""
    spec = {"trees": {"rounds": 60, "learning_rate": 0.2, **trees}, "preprocess": {}}
    candidate = Candidate(number=0, spec=spec, structure="alone")
    found = evaluator(task)(
        iter([[candidate]]), folds, report=lambda step, scores: frozenset(), deadline=NEVER, checkpoint=folder
    )
    (outcome,) = found
    assert outcome.folder is not None
    return outcome.folder


@EACH
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_one_booster_of_all_rows_with_the_rounds_of_its_folds(
    library: str, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boosting_refit, "FEW_ROWS", 150)
    folder = grown(tmp_path, task, kind=library)
    before, described = load_booster(folder), read_json(folder / "member.json")
    outputs = 3 if task == "multiclass" else 1
    rounds = round(MORE_ROUNDS * np.mean([part.model.trees / outputs for part in before.parts]))
    assert refit(evaluator(task), [folder], FOLDS, NEVER) == 1
    after = load_booster(folder)
    (part,) = after.parts
    assert part.model.trees == rounds * outputs
    table = table_of(task)
    features = part.preprocessor.transform(table, np.arange(150))
    scaled = table.target() if part.model.scaler is None else part.model.scaler.transform(table.target())
    trees = TreesSpec(rounds=rounds, learning_rate=0.2)
    asked = Asked(
        trees=trees, task=task, num_outputs=3 if outputs > 1 else 2 if task == "binary" else 1, patience=5,
        seed=derive(3, "boosting", described["name"], "refit", 0),
    )  # fmt: skip
    alone = LIBRARIES[library].grow(asked, (features, scaled), None, lambda: False)
    assert alone is not None
    assert part.model.content == alone.content, "grown on all 150 rows"
    assert not alone.curves.get("validation", np.zeros(0)).size


def test_on_few_rows_three_boosters_answer_and_one_where_nothing_is_drawn(tmp_path: Path) -> None:
    folder, same = grown(tmp_path / "drawn", subsample=0.5), grown(tmp_path / "not", subsample=1.0, columns=1.0)
    before = load_booster(folder)
    assert refit(evaluator("binary"), [folder, same], FOLDS, NEVER) == 2
    after, alone = load_booster(folder), load_booster(same)
    assert len({part.model.content for part in after.parts}) == 3
    assert after.scores == before.scores
    assert after.facts == {"trees": after.parts[0].model.trees, "refit_rows": 150}
    table, rows = table_of("binary"), np.arange(150)
    single = [part.predict(table, rows) for part in after.parts]
    np.testing.assert_allclose(after.predict(table), np.mean(single, axis=0), atol=1e-6)
    np.testing.assert_array_equal(after.oof.values_nC, before.oof.values_nC)
    assert len(alone.parts) == 1


@EACH
def test_what_judged_it_stays(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting_refit, "FEW_ROWS", 150)
    folder = grown(tmp_path, kind=library)
    before, oof = read_json(folder / "member.json"), read_member_oof(folder)
    cost = load_booster(folder).cost()
    refit(evaluator("binary"), [folder], FOLDS, NEVER)
    after, member = read_json(folder / "member.json"), load_booster(folder)
    assert after["fold_scores"] == before["fold_scores"]
    assert after["score"] == before["score"]
    assert after["facts"] == {"trees": member.parts[0].model.trees, "refit_rows": 150}
    np.testing.assert_array_equal(read_member_oof(folder).values_nC, oof.values_nC)
    np.testing.assert_array_equal(read_member_oof(folder).fold_n, oof.fold_n)
    assert after["cost"] == member.cost() == pytest.approx(MORE_ROUNDS * cost / 3, rel=0.1), "one instead of three"


def test_cores_change_no_byte_and_the_clock_leaves_the_folds(tmp_path: Path) -> None:
    names = ("one", "two", "late")
    folders = {name: [grown(tmp_path / name / kind, kind=kind) for kind in LIBRARIES] for name in names}
    before = [hash_folder(folder) for folder in folders["late"]]
    assert refit(evaluator("binary", cores=1), folders["one"], FOLDS, NEVER) == 3
    assert refit(evaluator("binary", cores=2), folders["two"], FOLDS, NEVER) == 3
    assert refit(evaluator("binary"), folders["late"], FOLDS, Deadline.after(0.0)) == 0
    for one, two in zip(folders["one"], folders["two"], strict=True):
        assert hash_folder(one) == hash_folder(two)
    assert [hash_folder(folder) for folder in folders["late"]] == before


def test_of_what_the_clock_cut_off_the_beginning_counts(tmp_path: Path) -> None:
    """The second of three is cut off: the third, ready or not, is left, so that a number says which were grown."""

    class Cut(BoosterEvaluate):
        def grow(self, spec: JSON, *asked: Any) -> Any:
            return None if spec["trees"]["kind"] == "lightgbm" else super().grow(spec, *asked)

    folders = [grown(tmp_path / kind, kind=kind) for kind in ("xgboost", "lightgbm", "catboost")]
    before = [hash_folder(folder) for folder in folders]
    one = evaluator("binary")
    cut = Cut(table=one.table, metric=one.metric, seed=3, cores=2, stopping=one.stopping)
    assert refit(cut, folders, FOLDS, NEVER) == 1
    assert [hash_folder(folder) == was for folder, was in zip(folders, before, strict=True)] == [False, True, True]


def test_what_a_library_refuses_leaves_the_folds(tmp_path: Path) -> None:
    class Refused(BoosterEvaluate):
        def grow(self, *asked: Any) -> Any:
            raise [ValueError("no"), MemoryError()][self.cores - 1]

    folder = grown(tmp_path)
    before = hash_folder(folder)
    for cores in (1, 2):
        one = evaluator("binary", cores)
        refuses = Refused(table=one.table, metric=one.metric, seed=3, cores=cores, stopping=one.stopping)
        assert refit(refuses, [folder], FOLDS, NEVER) == 1
    assert hash_folder(folder) == before


def test_a_booster_of_a_part_of_the_rows_is_left(tmp_path: Path) -> None:
    folder = grown(tmp_path, rows=40)
    before = hash_folder(folder)
    assert refit(evaluator("binary"), [folder], FOLDS, NEVER) == 1
    assert hash_folder(folder) == before


def test_after_a_split_by_time_the_newest_fold_says_how_long(tmp_path: Path) -> None:
    rows = np.arange(150, dtype=np.int64)
    folds = [
        Fold(number=number, fit_rows=rows[: 30 + 40 * number], score_rows=rows[30 + 40 * number : 70 + 40 * number])
        for number in range(3)
    ]
    member = load_booster(grown(tmp_path, folds=folds, rounds=200, learning_rate=0.1))
    trees = [part.model.trees for part in member.parts]
    assert len(set(trees)) > 1
    assert rounds_of(member, folds) == round(MORE_ROUNDS * trees[-1])


def test_after_a_split_by_time_it_answers_in_the_newest_folds_place(tmp_path: Path) -> None:
    folder = grown(tmp_path / "member")
    refit(evaluator("binary"), [folder], FOLDS, NEVER)
    newest_fold_only(folder, tmp_path / "newest", loaders())
    table = table_of("binary")
    np.testing.assert_array_equal(load_booster(tmp_path / "newest").predict(table), load_booster(folder).predict(table))
    assert sorted(set(read_member_oof(tmp_path / "newest").fold_n.tolist())) == [0, 1, 2]


def test_the_stage_does_it_and_refit_0_does_not(tmp_path: Path) -> None:
    """The same study serves both: what refit says has no effect on a trial."""
    for word in ("ingest", "validate", "split", "augment"):
        run(tmp_path, word)
    run(tmp_path, "boosting")
    names = read_json(tmp_path / "data/boosting/boosting.json")["members"]
    for name in names:
        facts = read_json(tmp_path / "data/boosting/members" / name / "member.json")["facts"]
        assert facts["refit_rows"] == len(read_member_oof(tmp_path / "data/boosting/members" / name).rows_n)
    (tmp_path / "data/boosting").rename(tmp_path / "data/again")
    told: list[Progress] = []
    assert read_json(tmp_path / ".espalier/studies/boosting.json")["refit"] == len(names) == 2
    run(tmp_path, "boosting", refit=1)
    known = [load_booster(tmp_path / "data/boosting/members" / name).facts for name in names]
    assert ["refit_rows" in facts for facts in known] == [True, False], "the best one alone"
    (tmp_path / "data/boosting").rename(tmp_path / "data/one")
    run(tmp_path, "boosting", refit=0, told=told)
    assert read_json(tmp_path / ".espalier/studies/boosting.json")["refit"] == 0
    assert any(progress.found == 3 for progress in told), "no trial was grown again"
    assert read_json(tmp_path / "data/boosting/boosting.json")["members"] == names
    for name in names:
        assert "refit_rows" not in load_booster(tmp_path / "data/boosting/members" / name).facts
    no_search(tmp_path)
    run(tmp_path, "bagging")
    run(tmp_path, "stacking", method="average")
    ensemble = load_ensemble(tmp_path / "data/stacking", loaders())
    assert sorted(set(ensemble.oof.fold_n.tolist())) == [0, 1, 2]
