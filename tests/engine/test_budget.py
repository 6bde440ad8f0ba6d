"""Where the seconds go, by hand: 121.7 s, 5 of them before the branches, 16.7 kept back, so 100 to divide."""

import pytest

from pipelines.engine.budget import (
    START_SECONDS,
    Book,
    auto_parallel,
    branch_seconds,
    lanes,
    reserve,
    share_of_the_rest,
)

NOTHING_FIXED = {"search": None, "boosting": None, "bagging": None}


def book(**changes) -> Book:
    known = {"seconds": 121.7, "fixed": NOTHING_FIXED, "before_seconds": 5.0, "finished": {}, "total_cores": 2}
    return Book(**{**known, **changes})


def test_shares_of_what_is_left() -> None:
    assert reserve(book()) == pytest.approx(16.7)
    assert branch_seconds("search", book(), 2) == pytest.approx(0.55 * 100)
    assert branch_seconds("boosting", book(), 2) == pytest.approx(0.30 * 100)
    assert branch_seconds("bagging", book(), 2) == pytest.approx(0.15 * 100)


def test_two_hundredths_are_kept_back_and_of_few_seconds_a_quarter() -> None:
    assert reserve(book(seconds=1205.0)) == 24.0
    assert reserve(book(seconds=53.0)) == 12.0
    assert reserve(book(seconds=30.0, before_seconds=4.0)) == 6.5


def test_what_is_kept_back_of_many_seconds_grows_with_what_came_before_not_with_them() -> None:
    assert reserve(book(seconds=2010.0, before_seconds=10.0)) == 40.0
    assert reserve(book(seconds=3610.0, before_seconds=10.0)) == 40.0
    assert reserve(book(seconds=4020.0, before_seconds=20.0)) == 60.0
    assert reserve(book(seconds=2000.0, before_seconds=0.0)) == 40.0, "nobody knows how long they took"


def test_at_least_what_starting_takes_is_kept_back_by_the_machines_own_speed() -> None:
    assert reserve(book(seconds=101.5, before_seconds=1.5)) == pytest.approx(9.0), "5.7 s, and 2.2 times those before"
    assert reserve(book(seconds=501.5, before_seconds=1.5)) == 10.0, "two hundredths are more"
    assert reserve(book(seconds=100.0, before_seconds=0.0)) == 20.0, "nobody knows how quick it is"


def test_a_wide_table_or_a_slow_machine_takes_long_before_and_after() -> None:
    assert reserve(book(seconds=120.0, before_seconds=7.5)) == pytest.approx(22.2)
    assert reserve(book(seconds=320.0, before_seconds=20.0)) == 38.0, "no more than so much for the width alone"
    assert reserve(book(seconds=600.0, before_seconds=50.0)) == 40.0, "of many rows all stages take long"
    assert reserve(book(seconds=60.0, before_seconds=20.0)) == 20.0, "of few seconds as much as came before"
    assert reserve(book(seconds=40.0, before_seconds=20.0)) == 10.0, "and at most half"


def test_many_classes_take_long_after() -> None:
    assert reserve(book(answers=2_000_000)) == pytest.approx(21.7)
    assert reserve(book(seconds=121.5, before_seconds=1.5, answers=2_000_000)) == pytest.approx(14.0), "a quick machine"
    assert reserve(book(answers=6_500_000)) == pytest.approx(0.25 * 116.7), "no more than a quarter"


def test_of_pictures_their_number_counts_and_not_what_reading_them_took() -> None:
    assert reserve(book(pictures=18_000)) == pytest.approx(15.7)
    assert reserve(book(before_seconds=20.0, pictures=18_000)) == 16.0, "of very many as of a large table"
    assert reserve(book(seconds=300.0, pictures=1_000_000)) == 38.0


def test_numbers_take_less_time_after_than_classes() -> None:
    assert reserve(book(numbers=True)) == pytest.approx(13.2), "5.7 s, and 1.5 times those before"
    assert reserve(book(seconds=600.0, before_seconds=50.0, numbers=True)) == 40.0, "of many rows as long"


def test_what_a_branch_leaves_over_goes_to_those_that_still_grow() -> None:
    after_bagging = book(finished={"bagging": 2 * 1.0})
    assert branch_seconds("boosting", after_bagging, 2) == pytest.approx(99 * 0.30 / 0.85)
    last = book(finished={"bagging": 2 * 1.0, "boosting": 2 * 20.0})
    assert branch_seconds("search", last, 2) == pytest.approx(79.0)


def test_side_by_side_does_the_same_core_seconds() -> None:
    alone = branch_seconds("search", book(total_cores=8), 8) * 8
    beside = branch_seconds("search", book(total_cores=8), 4) * 4
    assert alone == pytest.approx(beside)


def test_a_fixed_part_is_taken_first() -> None:
    fixed = book(fixed={**NOTHING_FIXED, "boosting": 30.0})
    assert branch_seconds("boosting", fixed, 2) == 30.0
    assert branch_seconds("search", fixed, 2) == pytest.approx(70 * 0.55 / 0.70)


def test_of_the_wall_seconds_left_those_after_get_their_part() -> None:
    start = START_SECONDS
    assert share_of_the_rest("bagging", book(), 60 + 3 * start) == pytest.approx(start + 0.15 * 60)
    last_two = book(finished={"bagging": 1.0})
    assert share_of_the_rest("boosting", last_two, 51 + 2 * start) == pytest.approx(start + 51 * 0.30 / 0.85)
    assert share_of_the_rest("search", book(finished={"bagging": 1.0, "boosting": 1.0}), 40) == pytest.approx(40)
    fixed = book(fixed={**NOTHING_FIXED, "search": 20.0}, finished={"bagging": 1.0})
    assert share_of_the_rest("boosting", fixed, 50 + 2 * start) == pytest.approx(start + 30)


def test_no_limit_and_a_limit_long_over() -> None:
    assert branch_seconds("search", book(seconds=None), 2) is None
    assert branch_seconds("search", book(seconds=12.0, before_seconds=10.0), 2) == 1.0


def test_lanes_divide_branches_and_cores_as_the_shares_are() -> None:
    assert lanes(1, 8) == ((("bagging", "boosting", "search"), 8),)
    assert lanes(2, 8) == ((("bagging", "boosting"), 4), (("search",), 4))
    assert lanes(3, 12) == ((("bagging",), 2), (("boosting",), 4), (("search",), 6))
    assert lanes(2, 1) == ((("bagging", "boosting", "search"), 1),)
    assert [auto_parallel(cores) for cores in (1, 2, 4, 8, 16)] == [1, 1, 1, 2, 4]
