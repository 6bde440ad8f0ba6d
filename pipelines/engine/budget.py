"""Where the seconds go: how long a branch may take of the whole tree's `seconds`.

The stages before the branches take what they need. Two hundredths of the rest are kept back for those after them: at
least 5.7 s and 2.2 times what those before took (up to 38 s, of many rows eight tenths of what those before took; of
many classes more, of numbers less, of pictures by their number; of few seconds at most a quarter or what those before
took), and no more than 20 s and twice what the stages before them took, which grows with the rows as theirs does. What
remains is counted in core-seconds, so that branches side by side and one after another do the same work: search 55 %,
boosting 30 %, bagging 15 %; what a finished branch left over goes to those that are not finished. The ledger has what
was taken; it lies outside the outs, so both engines keep the same book.

Everything here is arithmetic; the clock of an interrupted branch is in `clock.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SHARES: Mapping[str, float] = MappingProxyType({"search": 0.55, "boosting": 0.30, "bagging": 0.15})
RESERVE_SHARE = 0.02  # a longer run has more members to stack and to judge: of 600 s 6 to 22 were needed
MOST_RESERVED = 0.25  # of few seconds; or as many as the stages before took, if that is not more than half
RESERVE_SECONDS = 20.0  # where nobody knows what the stages before took
FIXED_SECONDS, FIXED_TIMES = 5.7, 2.2  # where those before took 1.2 s, 7 to 9 were needed; 1.8: 11; 3.8: 15
PICTURES_A_SECOND = 1800  # judged; reading all is what took long before: of 1800 7 s were needed, of 22 000 19
NUMBERS_TIMES = 1.5  # no probabilities to calibrate, no curves: 1.5: 8; 2.0: 10
FIXED_MOST = 38.0  # of 1500 columns the stages before took 21 s, 26 were needed
MANY_ROWS_TIMES = 0.8  # of a million rows the stages before took 64 to 75 s, 52 to 54 were needed
ANSWERS_A_SECOND = 400_000  # rows times classes, of more than two: 6.5 million needed 28 s in all
TIMES_BEFORE = 2.0  # of hours two hundredths are too much: on 39 000 rows (8 s before) 29 were needed of 600
LEAST_SECONDS = 1.0  # a branch always gets this much: enough for a first model
START_SECONDS = 1.0  # what it takes a branch to begin: DVC, its process; 2 more where no process is warm


@dataclass(frozen=True, kw_only=True)
class Book:
    """What is known when a branch begins."""

    seconds: float | None  # for the whole tree; None: no limit
    fixed: Mapping[str, float | None]  # search.seconds and so on
    before_seconds: float  # what ingest to augment took
    finished: Mapping[str, float]  # core-seconds of the other branches that are up to date
    total_cores: int
    answers: int = 0  # rows that are judged times classes, where these are more than two
    numbers: bool = False  # are predicted, no classes
    pictures: int = 0  # rows that are judged, where these are pictures


def reserve(book: Book) -> float:
    """Seconds kept back for stacking, evaluate and export."""
    assert book.seconds is not None
    rest = book.seconds - book.before_seconds
    share, fixed, most = RESERVE_SHARE * rest, RESERVE_SECONDS, MOST_RESERVED * rest
    if book.before_seconds:  # known: not where another machine ran those stages
        share = min(share, RESERVE_SECONDS + TIMES_BEFORE * book.before_seconds)
        times = NUMBERS_TIMES if book.numbers else FIXED_TIMES
        work = book.pictures / PICTURES_A_SECOND if book.pictures else times * book.before_seconds
        fixed = min(FIXED_SECONDS + work, FIXED_MOST)
        fixed = max(fixed, MANY_ROWS_TIMES * book.before_seconds)
        most = max(most, min(book.before_seconds, rest / 2))
    fixed += book.answers / ANSWERS_A_SECOND
    return max(share, min(fixed, most))


def branch_seconds(word: str, book: Book, own_cores: int) -> float | None:
    """Return the wall seconds that a branch on `own_cores` cores may take in all; None: until its trials are done."""
    own = book.fixed.get(word)
    if own is not None:
        return own * book.total_cores / own_cores
    if book.seconds is None:
        return None
    pool = (book.seconds - book.before_seconds - reserve(book)) * book.total_cores
    weight = SHARES[word]
    for sibling, share in SHARES.items():
        fixed = book.fixed.get(sibling)
        if sibling == word:
            continue
        if sibling in book.finished:
            pool -= book.finished[sibling]
        elif fixed is not None:
            pool -= fixed * book.total_cores
        else:
            weight += share
    return max(LEAST_SECONDS, pool * SHARES[word] / weight / own_cores)


def share_of_the_rest(word: str, book: Book, seconds_left: float) -> float:
    """Return the part of the wall seconds left that a branch on all cores may take, so that those after it get theirs.

    What starting processes costs is in no branch's core-seconds, but it is in the user's seconds: each gets its own.
    """
    after = [one for one in SHARES if one != word and one not in book.finished]
    fixed = {one: seconds for one in after if (seconds := book.fixed.get(one)) is not None}
    weight = SHARES[word] + sum(SHARES[one] for one in after if one not in fixed)
    starts = START_SECONDS * (1 + len(after))
    return START_SECONDS + (seconds_left - starts - sum(fixed.values())) * SHARES[word] / weight


def lanes(
    parallel: int, total_cores: int, after_search: frozenset[str] = frozenset()
) -> tuple[tuple[tuple[str, ...], int], ...]:
    """Divide the branches into lanes, each on its own cores; the branches of a lane follow one another.

    The cores are divided as the shares are, so that all lanes end together. Branches that stand on the search share its
    lane: in another one their cores would wait for it.
    """
    if parallel <= 1 or total_cores == 1:
        return ((("bagging", "boosting", "search"), total_cores),)
    groups: tuple[tuple[str, ...], ...] = (("bagging", "boosting"), ("search",))
    if parallel >= 3 and total_cores >= 3:
        groups = (("bagging",), ("boosting",), ("search",))
    alone = [tuple(word for word in group if word not in after_search) for group in groups]
    groups = tuple(group + tuple(sorted(after_search)) if "search" in group else group for group in alone if group)
    cores = [max(1, round(total_cores * sum(SHARES[word] for word in group))) for group in groups]
    cores[-1] = max(1, total_cores - sum(cores[:-1]))
    return tuple(zip(groups, cores, strict=True))


def auto_parallel(total_cores: int) -> int:
    """Return how many branches grow side by side when nobody says: one for every four cores."""
    return max(1, total_cores // 4)
