"""Who is trained next, with workers that answer at once."""

from collections import deque
from dataclasses import replace

import numpy as np
import pytest
from training_case import candidate

from components.core.contracts import Outcome, failure
from components.core.deadlines import NEVER, Deadline
from components.core.workers import Broken, Lost
from components.training.tasks import Answer, Answers
from components.training.turns import Turns


def outcome(number, state, score):
    return Outcome(
        number=number,
        state=state,
        cause=None,
        fold_scores_S=(score,),
        curves={},
        rungs={},
        folder=None,
        facts={},
    )


class Desk:
    """Stands in for `Workers`: two at a time, first come, first served; keeps a log. `together` holds the groups."""

    def __init__(self, answer, count=2):
        self.log = []
        self.together = []
        self._answer = answer
        self._count = count
        self._tasks = deque()

    @property
    def num_busy(self):
        return len(self._tasks)

    @property
    def num_idle(self):
        return self._count - len(self._tasks)

    def give(self, key, task):
        self.log += [(number, task.until, task.resume) for number in key]
        self.together.append(key)
        self._tasks.append((key, task))

    def answers(self, seconds):
        key, task = self._tasks.popleft()
        yield key, answers_of(self._answer, task)


def answers_of(answer, task):
    """The answer of a whole task; a candidate over which a worker dies takes the others with it."""
    found = {one.number: answer(one.number, task) for one in task.candidates}
    lost = [one for one in found.values() if isinstance(one, Lost)]
    return lost[0] if lost else Answers(by_number=found, rows=ROWS)


ROWS = 2


def grows(number, task):
    """Score is the number; ends at the last stage."""
    if task.until is None:
        return Answer(outcome=outcome(number, "complete", float(number)))
    return Answer(outcome=outcome(number, "pruned", number / 10), rests=True)


def on_rungs(part, rungs):
    """The candidates with these rungs; known starts have none, and whoever has some of its own keeps them."""
    own = {rung: rung for rung in rungs}
    return [one if one.protected or one.rungs else replace(one, rungs=own) for one in part]


def run(answer, generations, tmp_path, rungs=(2, 4), report=lambda step, scores: frozenset(), deadline=NEVER, **words):
    workers = Desk(answer)
    planned = [on_rungs(part, rungs) for part in generations]
    schedule = Turns(workers, iter(planned), report, deadline, tmp_path, words.pop("num_folds", 1), **words)
    return {found.number: found for found in schedule.outcomes()}, workers.log


def test_candidates_wait_for_each_other_at_rungs(tmp_path):
    asked = []

    def report(step, scores):
        asked.append((step, scores))
        return frozenset({min(scores)})

    found, log = run(grows, [[candidate(0), candidate(1), candidate(2)]], tmp_path, report=report)
    assert asked == [(2, {0: 0.0, 1: 0.1, 2: 0.2}), (4, {1: 0.1, 2: 0.2})]
    assert [found[number].state for number in range(3)] == ["pruned", "pruned", "complete"]
    assert [dict(found[number].rungs) for number in range(3)] == [{2: 0.0}, {2: 0.1, 4: 0.1}, {2: 0.2, 4: 0.2}]
    assert log == [(0, 2, None), (1, 2, None), (2, 2, None), (1, 4, 2), (2, 4, 2), (2, None, 4)]


def test_protected_candidates_run_to_their_end_and_no_rung_knows_them(tmp_path):
    asked = []

    def report(step, scores):
        asked.append((step, sorted(scores)))
        return frozenset({min(scores)})

    known = replace(candidate(0), protected=True)
    found, log = run(grows, [[known, candidate(1), candidate(2)], [candidate(3)]], tmp_path, report=report)
    assert log[0] == (0, None, None)
    assert asked == [(2, [1, 2]), (2, [3]), (4, [2])]
    assert found[0].state == "complete"
    assert dict(found[0].rungs) == {}


def test_a_generation_of_protected_candidates_alone_holds_nobody_up(tmp_path):
    known = [replace(candidate(number), protected=True) for number in range(3)]
    found, log = run(grows, [known, [candidate(3)]], tmp_path)
    assert [number for number, until, _ in log if until is None] == [0, 1, 2, 3]
    assert sorted(found) == [0, 1, 2, 3]


def test_who_ends_before_a_rung_counts_there_with_its_last_score(tmp_path):
    asked = []

    def answer(number, task):
        if number == 1:
            return Answer(outcome=outcome(1, "complete", 0.7))
        return grows(number, task)

    def report(step, scores):
        asked.append((step, scores))
        return frozenset({1, 2}) if step == 2 else frozenset()

    found, _ = run(answer, [[candidate(0), candidate(1), candidate(2)]], tmp_path, report=report)
    assert asked == [(2, {0: 0.0, 1: 0.7, 2: 0.2}), (4, {0: 0.0, 1: 0.7})]
    assert found[1].state == "complete"
    assert dict(found[1].rungs) == {2: 0.7, 4: 0.7}


def test_failed_candidates_leave_the_rung_to_the_others(tmp_path):
    asked = []

    def answer(number, task):
        if number == 0 and task.until != 2:
            return Answer(outcome=failure(0, "diverged"))
        return Lost(status=-9) if number == 1 else grows(number, task)

    def report(step, scores):
        asked.append((step, sorted(scores)))
        return frozenset()

    found, _ = run(answer, [[candidate(0), candidate(1), candidate(2)]], tmp_path, report=report)
    assert asked == [(2, [0, 2]), (4, [2])]
    assert (found[0].cause, dict(found[0].rungs)) == ("diverged", {2: 0.0})
    assert (found[1].cause, dict(found[1].rungs)) == ("out_of_memory", {})
    assert found[2].state == "complete"


def test_the_next_generation_begins_when_a_worker_would_idle_but_never_two_ahead(tmp_path):
    seen = []
    finished = []

    def generations():
        for generation in range(4):
            seen.append((generation, sorted(finished)))
            yield [candidate(2 * generation), candidate(2 * generation + 1)]

    workers = Desk(grows)
    for found in Turns(workers, generations(), lambda *_: frozenset(), NEVER, tmp_path, 1).outcomes():
        finished.append(found.number)
    assert sorted(finished) == list(range(8))
    for generation, before in seen[2:]:  # planned from the outcomes of all but the last generation
        assert set(range(2 * (generation - 1))) <= set(before)
    assert any(len(before) < 2 * generation for generation, before in seen)  # and not later than it must


def test_the_next_generation_begins_while_somebody_waits_at_a_rung_and_stands_behind(tmp_path):
    """With a rung's last candidate at work, the other worker would have nothing to do."""
    parts = [[candidate(0), candidate(1)], [candidate(2), candidate(3)]]
    found, log = run(grows, parts, tmp_path, report=lambda _, scores: frozenset(sorted(scores)[:-1]))
    assert log[:5] == [(0, 2, None), (1, 2, None), (2, 2, None), (1, 4, 2), (3, 2, None)]
    assert [found[number].state for number in range(4)] == ["pruned", "complete", "pruned", "complete"]


def test_no_generation_is_planned_over_one_that_a_slow_trial_holds_open(tmp_path):
    class NewestFirst(Desk):
        def answers(self, seconds):
            key, task = self._tasks.pop()
            yield key, answers_of(self._answer, task)

    finished, seen = [], []

    def generations():
        for number in range(4):
            seen.append(list(finished))
            yield [replace(candidate(number), protected=number == 0)]

    for found in Turns(NewestFirst(grows), generations(), lambda *_: frozenset(), NEVER, tmp_path, 1).outcomes():
        finished.append(found.number)
    assert finished[:2] == [1, 0]  # the known start took longer than all of the next generation
    assert seen == [[], [], [1, 0], [1, 0]]


def test_an_empty_generation_is_passed_over(tmp_path):
    found, _ = run(grows, [[], [candidate(3)], []], tmp_path)
    assert list(found) == [3]


def test_after_the_deadline_nothing_is_begun(tmp_path):
    stop = tmp_path / "stop"

    def answer(number, task):
        if number == 1:
            stop.touch()
            return Answer(outcome=None)
        return grows(number, task)

    alone = [replace(candidate(number), structure=str(number)) for number in range(4)]
    found, log = run(answer, [alone], tmp_path, rungs=(), deadline=Deadline(stop_file=stop))
    assert sorted(found) == [0, 2]  # 2 was at work when the user asked to stop, and ended well
    assert [entry[0] for entry in log] == [0, 1, 2]


@pytest.mark.parametrize("cut", [0, 1])
def test_no_rung_is_decided_without_those_that_were_cut_off(tmp_path, cut):
    def answer(number, task):
        return Answer(outcome=None) if number == cut else grows(number, task)

    def report(step, scores):
        raise AssertionError("a rung was decided")

    found, _ = run(answer, [[candidate(0), candidate(1)]], tmp_path, report=report)
    assert not found


def together(generations, tmp_path, **words):
    """Which candidates were trained with which."""
    desk = Desk(words.pop("answer", grows), words.pop("count", 2))
    arguments = {"report": lambda *_: frozenset(), "num_folds": 1} | words
    turns = Turns(desk, iter(generations), deadline=NEVER, resting=tmp_path, **arguments)
    assert {found.number for found in turns.outcomes()} == {one.number for part in generations for one in part}
    return desk.together


def test_equal_structures_are_trained_together_and_every_worker_has_some(tmp_path):
    mixed = [replace(candidate(number), structure="ab"[number % 2]) for number in range(6)]
    assert together([mixed], tmp_path) == [(0, 2, 4), (1, 3, 5)]
    alike = [candidate(number) for number in range(6)]
    assert together([alike], tmp_path) == [(0, 1, 2), (3, 4, 5)]
    assert together([alike], tmp_path, count=1) == [(0, 1, 2, 3, 4, 5)]


def test_a_group_is_as_large_as_the_workers_said(tmp_path):
    generations = [[candidate(number + 8 * part) for number in range(8)] for part in range(2)]
    found = together(generations, tmp_path, count=1)  # ROWS is told with the first answer
    assert found == [tuple(range(8)), (8, 9), (10, 11), (12, 13), (14, 15)]
    found = together(generations, tmp_path, count=1, num_folds=8)
    assert [len(group) for group in found] == [2] + [1] * 14  # a candidate at least, whatever its folds


def test_survivors_of_a_rung_are_grouped_anew(tmp_path):
    def report(step, scores):
        return frozenset(number for number in scores if number % 2)

    desk = Desk(grows)
    turns = Turns(desk, iter([on_rungs(map(candidate, range(8)), (2,))]), report, NEVER, tmp_path, 1)
    assert len(list(turns.outcomes())) == 8
    assert desk.together == [(0, 1, 2, 3), (4, 5, 6, 7), (0, 2), (4, 6)]


def test_a_known_start_goes_alone_and_at_once(tmp_path):
    candidates = [replace(candidate(number), protected=number in (4, 5)) for number in range(6)]
    found = together([candidates], tmp_path, count=1)
    assert found == [(4,), (5,), (0, 1), (2, 3)]


def test_a_group_over_which_a_worker_dies_is_split_until_the_culprit_is_alone(tmp_path):
    def answer(number, task):
        return Lost(status=-9) if number == 5 else grows(number, task)

    desk = Desk(answer, 1)
    turns = Turns(desk, iter([[candidate(n) for n in range(8)]]), lambda *_: frozenset(), NEVER, tmp_path, 1)
    found = {one.number: one for one in turns.outcomes()}
    assert sorted(found) == list(range(8))
    assert [number for number in found if found[number].state == "failed"] == [5]
    assert found[5].cause == "out_of_memory"


def test_each_candidate_stops_at_its_own_rungs(tmp_path):
    """Brackets and cycles: 0 has both rungs, 1 only the second, 2 reports at the first one epoch later, 3 at none."""
    asked = []

    def report(step, scores):
        asked.append((step, sorted(scores)))
        return frozenset({2}) if step == 2 else frozenset()

    own = [{2: 2, 4: 4}, {4: 4}, {2: 3, 4: 5}, {}]
    candidates = [replace(candidate(number), rungs=rungs) for number, rungs in enumerate(own)]
    found, log = run(grows, [candidates], tmp_path, rungs=(), report=report)
    assert asked == [(2, [0, 2]), (4, [0, 1])]
    assert [found[number].state for number in range(4)] == ["complete", "complete", "pruned", "complete"]
    assert [dict(found[number].rungs) for number in range(3)] == [{2: 0.0, 4: 0.0}, {4: 0.1}, {2: 0.2}]
    assert {(0, 2, None), (0, 4, 2), (1, 4, None), (1, None, 4), (2, 3, None), (3, None, None)} <= set(log)


def test_in_a_race_a_leg_is_a_fold_and_the_legs_are_joined(tmp_path):
    legs = []

    def answer(number, task):
        legs.append((number, task.folds))
        score = float(10 * number + (0 if task.folds is None else task.folds[0]))
        curves = {"validation": np.full(2 + task.folds[0], score, dtype=np.float32)}
        return Answer(outcome=replace(outcome(number, "complete", score), curves=curves, facts={"epochs": score}))

    def report(step, scores):
        asked.append((step, dict(scores)))
        return frozenset({1}) if step == 2 else frozenset()

    asked = []
    found, _ = run(answer, [[candidate(0), candidate(1)]], tmp_path, (1, 2), report, num_folds=3, race=True)
    assert asked == [(1, {0: 0.0, 1: 10.0}), (2, {0: 1.0, 1: 11.0})]
    assert sorted(legs) == [(0, (0,)), (0, (1,)), (0, (2,)), (1, (0,)), (1, (1,))]
    assert (found[0].state, found[0].fold_scores_S) == ("complete", (0.0, 1.0, 2.0))
    assert (found[1].state, found[1].fold_scores_S) == ("pruned", (10.0, 11.0))
    assert dict(found[0].rungs) == {1: 0.0, 2: 1.0}
    assert found[0].curves["validation"].tolist() == [1.0, 1.0, 1.0, 1.0]  # shorter ones count on with their last value
    assert found[0].facts == {"epochs": 1.0}


def test_a_trial_that_hung_and_one_that_broke_have_their_causes(tmp_path):
    def answer(number, task):
        return Lost(status=-9, hung=True) if number else grows(number, task)

    found, _ = run(answer, [[candidate(0), candidate(1)]], tmp_path)
    assert [(found[number].state, found[number].cause) for number in (0, 1)] == [
        ("complete", None),
        ("failed", "deadline"),
    ]

    class Breaks(Desk):
        def answers(self, seconds):
            key, _ = self._tasks.popleft()
            yield key, Broken(trace="Traceback ...\nKeyError: 'width'\n")

    turns = Turns(Breaks(grows), iter([[candidate(7)]]), lambda *_: frozenset(), NEVER, tmp_path, 1)
    assert [one.cause for one in turns.outcomes()] == ["error: KeyError: 'width'"]


@pytest.mark.parametrize(("hung", "deaths"), [(True, 2), (False, 3)])
def test_who_hangs_costs_two_silences_who_dies_is_halved(tmp_path, hung, deaths):
    """A silence lasts a quarter of a search; a death costs what was trained."""

    def answer(number, task):
        if number != 3:
            return grows(number, task)
        died.append(task.numbers)
        return Lost(status=-9, hung=hung)

    died = []
    desk = Desk(answer, count=1)
    generation = [candidate(number) for number in range(4)]
    turns = Turns(desk, iter([generation]), lambda *_: frozenset(), NEVER, tmp_path, 1)
    found = {one.number: one.state for one in turns.outcomes()}
    assert found == {0: "complete", 1: "complete", 2: "complete", 3: "failed"}
    assert len(died) == deaths
    assert died[0] == (0, 1, 2, 3)


def test_a_gpu_is_given_all_of_a_structure_at_once_and_what_it_could_not_capture_is_heard(tmp_path):
    class OneGPU(Desk):
        def answers(self, seconds):
            for key, answers in super().answers(seconds):
                yield key, replace(answers, rows=64, not_captured="of this")

    heard = []
    for first_rows, groups in ((16, [(0, 1, 2), tuple(range(3, 15)), (15,)]), (1024, [tuple(range(16))])):
        desk = OneGPU(grows, count=1)
        generation = [candidate(number) for number in range(16)]
        turns = Turns(
            *(desk, iter([generation]), lambda *_: frozenset(), NEVER, tmp_path, 5),
            first_rows=first_rows,
            not_captured=heard.append,
        )
        assert len(list(turns.outcomes())) == 16
        assert desk.together == groups
    assert set(heard) == {"of this"}
