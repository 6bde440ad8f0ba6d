"""Bagging: as many cores as there are, the clock, and what its result grows again."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ensemble_case import folds_of, table_of

from components import metrics
from components.core.deadlines import NEVER, Deadline
from components.core.files import hash_folder, read_json
from components.core.refit import every_row
from components.ensembles import bagging, bagging_jobs, forests, linear, nearest_neighbours
from components.ensembles.bagging import Bagged, BaggingSpec, grow_bagging
from components.ensembles.bagging_jobs import JOINED, Job, Task, jobs_of
from components.ensembles.forests import batches
from components.ensembles.linear import log_softmax
from components.ensembles.prepared import prepare
from components.project.families import loaders


def grow(
    spec: BaggingSpec,
    *,
    cores: int = 2,
    deadline: Deadline = NEVER,
    num_folds: int = 3,
    checkpoint: Path | None = None,
    refit: bool = False,
) -> Bagged:
    return grow_bagging(
        spec.model_copy(update={"refit": refit}),
        table_of("binary"),
        folds_of(150, num_folds),
        metric=metrics.get("roc_auc"),
        seed=1,
        cores=cores,
        deadline=deadline,
        checkpoint=checkpoint,
    )


def bytes_of(bagged: Bagged, folder: Path) -> str:
    for member in bagged.members:
        (folder / member.name).mkdir(parents=True)
        member.save(folder / member.name)
    return hash_folder(folder)


def test_cores_change_no_byte(tmp_path: Path) -> None:
    spec = BaggingSpec(trees=30)
    one, two = grow(spec, cores=1, refit=True), grow(spec, cores=2, refit=True)
    assert [member.name for member in one.members] == ["random_forest", "extra_trees", "linear"]
    assert (one.trees, one.ended_by) == (30, "trees")
    assert bytes_of(one, tmp_path / "one") == bytes_of(two, tmp_path / "two")


@pytest.mark.parametrize(("refit", "last"), [(False, 15), (True, 19)])
def test_what_the_clock_left_grows_again_without_a_clock(
    refit: bool, last: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop comes in the middle of the third batch: both forests keep the trees that both have."""
    stop, lock, grown = tmp_path / "stop", threading.Lock(), []
    grow_trees = forests.grow_trees

    def counted(*words: Any, **more: Any) -> Any:
        with lock:
            grown.append(words[0])
            if len(grown) == last:
                stop.write_text("")
        return grow_trees(*words, **more)

    monkeypatch.setattr(forests, "grow_trees", counted)
    cut = grow(BaggingSpec(trees=500), deadline=Deadline(stop_file=stop), refit=refit)
    monkeypatch.setattr(forests, "grow_trees", grow_trees)
    assert (cut.trees, cut.ended_by) == (40, "stopped")
    again = grow(BaggingSpec(trees=cut.trees, members=tuple(member.name for member in cut.members)), refit=refit)
    assert bytes_of(cut, tmp_path / "cut") == bytes_of(again, tmp_path / "again")


def test_of_no_time_there_is_a_small_forest_alone() -> None:
    began = time.monotonic()
    trees = BaggingSpec(members=("random_forest", "extra_trees"), trees=5000)
    bagged = grow(trees, deadline=Deadline.after(0.0))
    assert [member.name for member in bagged.members] == ["extra_trees"], "the first, whatever the clock says"
    assert (bagged.trees, bagged.ended_by) == (20, "seconds")
    assert time.monotonic() - began < 20


def test_of_no_time_a_linear_model_with_little_to_do_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was no candidate of 45 s on 800 rows, though it was better than all that was grown."""
    little = grow(BaggingSpec(trees=5000), deadline=Deadline.after(0.0))
    assert [(member.name, little.trees) for member in little.members] == [("linear", 0)]
    monkeypatch.setattr(bagging, "LITTLE_LINEAR_NUMBERS", 100)
    much = grow(BaggingSpec(trees=5000), deadline=Deadline.after(0.0))
    assert [(member.name, much.trees) for member in much.members] == [("extra_trees", 20)]


@pytest.mark.parametrize(("cores", "kinds"), [(1, 1), (2, 3)])
def test_a_batch_is_begun_where_there_is_time_for_all_folds(
    cores: int, kinds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three folds of 1000 s each: two turns of two cores fit in 2500 s, three turns of one core do not."""
    monkeypatch.setattr(bagging, "LITTLE_LINEAR_NUMBERS", 0)
    monkeypatch.setattr(bagging, "_expected", lambda seconds, kind: 1000.0)
    bagged = grow(BaggingSpec(trees=20), cores=cores, deadline=Deadline.after(2500.0))
    assert len(bagged.members) == kinds


def test_the_clock_ends_a_linear_model_between_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "log_softmax", lambda values: time.sleep(0.05) or log_softmax(values))
    monkeypatch.setattr(bagging, "LITTLE_LINEAR_NUMBERS", 0)
    began = time.monotonic()
    bagged = grow(BaggingSpec(members=("extra_trees", "linear"), trees=20), deadline=Deadline.after(2.0))
    assert [member.name for member in bagged.members] == ["extra_trees"], "of hundreds of steps there were some forty"
    assert (bagged.ended_by, time.monotonic() - began < 30) == ("seconds", True)


def test_first_trees_come_before_the_others_and_more_trees_after_them() -> None:
    jobs = jobs_of(("linear", "random_forest", "extra_trees"), num_folds=2, sizes=(20, 10), repeats=2)
    order = list(dict.fromkeys((job.kind, job.batch) for job in jobs))
    small, more = [("extra_trees", 0), ("random_forest", 0)], [("extra_trees", 1), ("random_forest", 1)]
    assert order[:5] == [*small, ("linear", 0), *more]
    assert order[5:] == [
        ("extra_trees", 2),
        ("random_forest", 2),
        ("linear", 1),
        ("extra_trees", 3),
        ("random_forest", 3),
    ]
    assert {job.fold for job in jobs if (job.kind, job.batch) == ("linear", 1)} == {0, 1}
    first = jobs_of(
        ("linear", "random_forest", "extra_trees"), num_folds=2, sizes=(20, 10), repeats=2, linear_first=True
    )
    assert (sorted(first, key=repr), first[:2]) == (sorted(jobs, key=repr), [Job("linear", 0), Job("linear", 1)])


def test_a_checkpoint_is_not_grown_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a kill, and after another number of trees: what lies there is taken, the bytes are those of a first run."""
    spec = BaggingSpec(members=("random_forest", "linear"), trees=50)
    fresh = grow(spec)
    grow(BaggingSpec(members=("random_forest", "linear"), trees=40), checkpoint=tmp_path / "study")
    grown = []
    grow_trees = forests.grow_trees
    monkeypatch.setattr(forests, "grow_trees", lambda *words, **more: grown.append(1) or grow_trees(*words, **more))
    monkeypatch.setattr(linear, "fit_linear", None)
    resumed = grow(spec, checkpoint=tmp_path / "study")
    assert len(grown) == 3, "ten more trees in each of three folds"
    assert bytes_of(resumed, tmp_path / "resumed") == bytes_of(fresh, tmp_path / "fresh")


def test_one_fold_will_do() -> None:
    bagged = grow(BaggingSpec(trees=5), num_folds=1)
    assert [len(member.parts) for member in bagged.members] == [1, 1, 1]
    assert len(bagged.members[0].oof.rows_n) == 30


def test_a_shorter_forest_is_the_beginning_of_a_longer_one() -> None:
    assert batches(50, 100, 4) == [20, 20, 10]
    assert batches(40, 100, 4) == batches(50, 100, 4)[:2]
    short, long = (grow(BaggingSpec(members=("extra_trees",), trees=trees)).members[0] for trees in (20, 30))
    first: Any = short.parts[0].model
    other: Any = long.parts[0].model
    np.testing.assert_array_equal(first.trees.feature_M, other.trees.feature_M[: len(first.trees.feature_M)])


def test_progress_counts_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    grow_bagging(
        BaggingSpec(trees=20, refit=False),
        table_of("binary"),
        folds_of(150),
        metric=metrics.get("roc_auc"),
        seed=1,
        cores=2,
        deadline=NEVER,
        report_progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, 9) for done in range(1, 10)]


def test_the_seed_decides(tmp_path: Path) -> None:
    spec = BaggingSpec(members=("extra_trees",), trees=5)
    words: Any = {"metric": metrics.get("roc_auc"), "cores": 1, "deadline": NEVER}
    one, other = (grow_bagging(spec, table_of("binary"), folds_of(150), seed=seed, **words) for seed in (1, 2))
    assert bytes_of(one, tmp_path / "one") != bytes_of(other, tmp_path / "other")


def test_a_new_row_is_answered_by_as_many_trees_as_a_scored_one() -> None:
    """30 trees score the rows of a fold; of each of three folds the first ten answer new rows."""
    member = grow(BaggingSpec(members=("extra_trees",), trees=30)).members[0]
    assert member.facts == {"trees": 30}
    models: list[Any] = [part.model for part in member.parts]
    assert [model.trees.num_trees for model in models] == [10, 10, 10]
    whole = grow(BaggingSpec(members=("extra_trees",), trees=30), num_folds=1).members[0]
    alone: Any = whole.parts[0].model
    assert alone.trees.num_trees == 30
    table, part = table_of("binary"), member.parts[0]
    scored = models[0].predict(part.preprocessor.transform(table, part.oof.rows_n))
    assert 0.0 < np.abs(scored - part.oof.values_nC).max() < 0.5, "more trees scored it"


@pytest.mark.parametrize("kind", ["random_forest", "extra_trees", "linear", "nearest_neighbours"])
def test_a_refit_answers_with_a_model_of_all_rows_in_place_of_the_folds(kind: Any, tmp_path: Path) -> None:
    spec = BaggingSpec(members=(kind,), trees=30, repeats=2)
    (folds,), (member,) = grow(spec).members, grow(spec, refit=True).members
    np.testing.assert_array_equal(member.oof.values_nC, folds.oof.values_nC)
    np.testing.assert_array_equal(member.oof.fold_n, folds.oof.fold_n)
    assert member.scores == folds.scores
    assert member.facts == {**folds.facts, "refit_rows": 150}
    (part,) = member.parts
    table, every = table_of("binary"), [*folds_of(150), every_row(folds_of(150))]
    prepared = prepare(spec.preprocess, table, every, 1)
    assert len(prepared[3].fit_target) == 150
    task = Task(table=table, folds=every, prepared=prepared, seed=1, checkpoint=None)
    jobs = [job for job in jobs_of((kind,), 4, batches(30, 150, 4), repeats=2) if job.fold == 3]
    model = JOINED[kind]([task.run(job) for job in jobs])
    np.testing.assert_array_equal(
        member.predict(table), model.predict(part.preprocessor.transform(table, np.arange(150)))
    )
    member.save(tmp_path)
    again = loaders()[kind](tmp_path)
    np.testing.assert_array_equal(again.predict(table), member.predict(table))
    assert read_json(tmp_path / "member.json")["fold_scores"] == list(folds.scores)


def test_repeats_are_grown_and_averaged() -> None:
    members = ("extra_trees", "linear", "nearest_neighbours")
    once, thrice = (grow(BaggingSpec(members=members, trees=5, repeats=repeats)) for repeats in (1, 3))
    assert (thrice.trees, thrice.repeats) == (5, 3)
    for one, three in zip(once.members, thrice.members, strict=True):
        assert (one.oof.values_nC != three.oof.values_nC).any(), one.name
        assert three.cost() > 2 * one.cost(), one.name
    grown: list[Any] = [member.parts[0].model for member in thrice.members]
    forest, line, near = grown
    first: Any = once.members[1].parts[0].model
    assert forest.trees.num_trees == 5  # a third of 15
    assert len(line.strength_R) == len(near.counts) == 3
    np.testing.assert_array_equal(line.weight_RFC[0], first.weight_RFC[0])
    assert len(near.rows_RF[0]) == 100
    assert max(len(rows) for rows in near.rows_RF[1:]) < 80, "drawn with replacement, kept once each"


def test_repeats_that_the_clock_cut_grow_again_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop comes in the third repeat of the linear model: two whole repeats of everything are kept."""
    stop, fitted = tmp_path / "stop", []
    fit_linear = linear.fit_linear

    def counted(*words: Any) -> Any:
        fitted.append(1)
        if len(fitted) == 7:
            stop.write_text("")
        return fit_linear(*words)

    monkeypatch.setattr(linear, "fit_linear", counted)
    words: Any = {"members": ("extra_trees", "linear"), "trees": 3}
    cut = grow(BaggingSpec(**words, repeats=9), cores=1, deadline=Deadline(stop_file=stop))
    assert (cut.trees, cut.repeats, cut.ended_by) == (3, 2, "stopped")
    again = grow(BaggingSpec(**words, repeats=2))
    assert bytes_of(cut, tmp_path / "cut") == bytes_of(again, tmp_path / "again")


@pytest.mark.parametrize(("most", "number"), [("MOST_LINEAR_ROWS", 60), ("MOST_LINEAR_NUMBERS", 60 * 7 * 2 + 8)])
def test_a_large_table_is_drawn_from(most: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bagging_jobs, most, number)
    monkeypatch.setattr(nearest_neighbours, "MOST_ROWS", 30)
    seen = []
    ridge = linear.softmax_path
    monkeypatch.setattr(
        linear, "softmax_path", lambda x, *more, **words: seen.append(len(x)) or ridge(x, *more, **words)
    )
    bagged = grow(BaggingSpec(members=("linear", "nearest_neighbours")))
    near: Any = bagged.members[1].parts[0].model
    assert seen.count(60) >= 3
    assert max(len(rows) for rows in near.rows_RF) == 30
