"""What worries us, and what to do next: each a condition, a sentence, and the line of params.yaml that would help.

A worry is a finding of validate, or one of the checks below; advice follows from something that this run measured, or
it is not given. Each has a test with planted data. The verdict itself is in `verdict.py`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from components.evaluation.calibration import certainly_off, expected_error
from components.evaluation.layout import Scores
from components.evaluation.verdict import FEW_TEST_ROWS, improved_late, knows_by_heart, promise_broken_by
from components.evaluation.words import NEW, both, count, number, percent, plain, whole_percent

MOST_WORRIES = 5
MOST_ADVICE = 3
SEVERITIES = ("error", "warning", "note")
MANY_FAILED = 0.2  # share of the trials of one search
CALIBRATION_OFF = 0.05
ONE_COLUMN = 0.75  # share of the summed importance
QUIET = 0.4  # share of the trials at the end without a gain, from which on more time is no help

Worry = dict[str, Any]
Check = tuple[str, Callable[[Scores], Iterator[Worry]]]


def worries(scores: Scores) -> list[Worry]:
    """Return all worries in the form of scores.json, worst first; the first screen shows five of them."""
    found = [_from_finding(finding) for finding in scores["findings"]]
    for _, check in CHECKS:
        found += check(scores)
    return sorted(found, key=lambda worry: SEVERITIES.index(worry["severity"]))


def check_names(scores: Scores) -> list[str]:
    """Return what was looked at, in words."""
    return [*DATA_CHECKS, *(name for name, _ in CHECKS)]


def _from_finding(finding: dict[str, Any]) -> Worry:
    cure = finding["cures"][0][1] if finding["cures"] else ""
    return _worry(finding["severity"], finding["word"], finding["sentence"], cure, section="validate")


def _worry(severity: str, word: str, sentence: str, cure: str = "", *, section: str = "evaluate") -> Worry:
    return {"severity": severity, "word": word, "sentence": sentence, "cure": cure, "section": section}


def _promise(scores: Scores) -> Iterator[Worry]:
    if promise_broken_by(scores) is not None:
        promised, tested = number(scores["folds"]), both(scores["score"])
        yield _worry("warning", "promise", f"The folds promised {promised}, the test shows {tested}.")


def _calibration(scores: Scores) -> Iterator[Worry]:
    if scores["facts"]["task"] == "regression" or not scores["calibration"]:
        return
    off, error = certainly_off(scores["calibration"]), expected_error(scores["calibration"])
    if len(off) > 1 and error > CALIBRATION_OFF:
        far = max(off, key=lambda one: abs(one["predicted"] - one["observed"]) * one["rows"])
        said, seen = percent(round(far["predicted"], 2)), percent(round(far["observed"], 2))
        yield _worry("warning", "calibration", f"Where it says {said}, {seen} come true ({count(far['rows'], 'row')}).")


def _failures(scores: Scores) -> Iterator[Worry]:
    for word, facts in scores["searched"].items():
        if facts["failed"] > MANY_FAILED * facts["trials"]:
            cause, times = max(facts["causes"].items(), key=lambda item: item[1])
            yield _worry(
                "warning",
                "failures",
                f"{facts['failed']} of {count(facts['trials'], 'trial')} of {word} failed, {times} of them: {cause}.",
                section=word,
            )


def _missing_class(scores: Scores) -> Iterator[Worry]:
    if scores["confusion"] is None:
        return
    classes, counts = scores["confusion"]["classes"], scores["confusion"]["counts"]
    for c, name in enumerate(classes):
        if sum(counts[c]) and not sum(row[c] for row in counts):
            yield _worry("warning", "never_called", f"No row is ever called “{name}”; {sum(counts[c])} are.")


def _uneven_folds(scores: Scores) -> Iterator[Worry]:
    folds, score = scores["members"][0]["fold_scores"], scores["folds"]
    if len(folds) < 3 or score["low"] is None or scores["facts"]["split_by"] == "time":
        return  # (folds in order of time differ by how much was known then)
    middle = sum(folds) / len(folds)
    far = max(range(len(folds)), key=lambda s: abs(folds[s] - middle))
    if abs(folds[far] - middle) > 2 * (score["high"] - score["low"]):
        yield _worry(
            "warning",
            "uneven_folds",
            f"Fold {far} scores {number({**score, 'value': folds[far]})}, the mean is {number(score)}: "
            "its rows differ from the others. Do rows belong together (a person, a place, a day)?",
            "split: {by: group, column: ...}",
        )


def _one_column(scores: Scores) -> Iterator[Worry]:
    first, *others = scores["importance"] or [{"value": 0.0}]
    total = sum(max(0.0, one["value"]) for one in scores["importance"])
    matters = first["value"] > ONE_COLUMN / 2 * scores["gains"]["dummy_baseline"]["value"] > 0
    if len(others) > 1 and matters and first["value"] > ONE_COLUMN * total:
        name, share = first["column"], percent(round(first["value"] / total, 2))
        yield _worry("note", "one_column", f"{name} carries {share} of what the columns give. Is it known in time?")


def _diagnosis(scores: Scores) -> Iterator[Worry]:
    found = scores["diagnosis"]
    if found["word"] in ("underfits", "unfinished") or knows_by_heart(scores):
        sentence = f"{found['member']}: {found['sentence']}"
        yield _worry("note", found["word"], sentence, found["cure"], section=found["stage"])


DATA_CHECKS = (
    "leakage",
    "missing values",
    "infinite values",
    "duplicates",
    "constant columns",
    "id-like columns",
    "mixed types",
    "outliers",
    "imbalance and rare classes",
    "groups that folds would tear",
    "order in time",
)
CHECKS: tuple[Check, ...] = (
    ("the test agrees with the folds", _promise),
    ("probabilities mean what they say", _calibration),
    ("trials that failed", _failures),
    ("classes never called", _missing_class),
    ("one fold unlike the others", _uneven_folds),
    ("one column that carries everything", _one_column),
    ("over- and underfitting", _diagnosis),
)


def next_steps(scores: Scores) -> list[dict[str, str]]:
    """Return at most three steps, {"sentence", "command"}, those that should gain most first."""
    found: list[dict[str, str]] = []
    for step in (_settle_leak, _simpler, _time, _more_rows, _no_test, _use_it):
        found += step(scores)
    return found[:MOST_ADVICE]


def _step(sentence: str, command: str = "") -> dict[str, str]:
    return {"sentence": sentence, "command": command}


def _settle_leak(scores: Scores) -> Iterator[dict[str, str]]:
    if any(one["word"] == "leakage" and one.get("fix") for one in scores["findings"]):
        yield _step("Leave out what gives the answer away, then grow again.", "espalier fix leakage")


def _simpler(scores: Scores) -> Iterator[dict[str, str]]:
    """Name the cheaper one of a tie."""
    single = scores["single"]
    if single is not None and single["tie"]:
        yield _step(
            f"A tie: {single['name']} alone is as good on the folds (the ensemble gains {plain(single['gain'])}), for "
            f"{whole_percent(single['cost_share'])} of the computing.",
            "espalier set stacking.method=best",
        )


def _time(scores: Scores) -> Iterator[dict[str, str]]:
    for word, facts in scores["searched"].items():
        if improved_late(facts):
            best, last = facts["last_gain"], facts["last"]
            yield _step(
                f"More time (seconds): {word} was still improving when the clock ended it: "
                f"its best is trial {best}, its last trial {last}."
            )
            return
    quiet = [
        round(100 * facts["after"] / facts["trials"])
        for facts in scores["searched"].values()
        if facts["last_gain"] is not None and facts["trials"] >= 10
    ]
    if quiet and min(quiet) >= 100 * QUIET:
        yield _step(f"More time: unlikely to help; the best did not move in the last {min(quiet)} % of the trials.")


def _more_rows(scores: Scores) -> Iterator[dict[str, str]]:
    if scores["facts"]["judged_on"] == "test" and scores["score"]["rows"] < FEW_TEST_ROWS:
        rows, noun = scores["score"]["rows"], scores["facts"]["noun"]
        yield _step(f"More {noun}s: {count(4 * rows, f'test {noun}')} instead of {rows} would halve the interval.")


def _no_test(scores: Scores) -> Iterator[dict[str, str]]:
    if scores["facts"]["judged_on"] == "folds":
        yield _step("Keep some rows for a test: only that shows what the choosing cost.", "espalier set split.test=0.2")


def _use_it(scores: Scores) -> Iterator[dict[str, str]]:
    noun = scores["facts"]["noun"]
    yield _step(f"Use it on new {noun}s.", f"espalier predict {NEW[noun]} -o answers.csv")
