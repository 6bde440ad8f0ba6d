"""The verdict: at most five sentences, each with the condition under which it is said (UX 5.2).

In order: what makes the score worthless comes first, then the score, what it means, what it is worth over something
simpler, and one doubt after another, until there are five. What to do about it is in `advice.py`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from components.evaluation.baselines import title
from components.evaluation.layout import Scores
from components.evaluation.words import both, count, ends, number, percent, plain

MOST_SENTENCES = 5
FEW_TEST_ROWS = 200
BY_HEART = 0.1  # a gap between seen and new rows, of scores up to 1
BY_HEART_SHARE = 0.5  # ... of errors: this share of the error on new rows
LATE = 0.8  # a last gain after this share of the trials is late

Sentence = dict[str, Any]


def verdict(scores: Scores) -> list[Sentence]:
    """Return the sentences, {"word", "sentence", "alarm"}, from all of scores.json but the verdict."""
    found: list[Sentence] = []
    for condition in _CONDITIONS:
        found += condition(scores)
    return found[:MOST_SENTENCES]


def _say(word: str, sentence: str, *, alarm: bool = False) -> Sentence:
    return {"word": word, "sentence": sentence, "alarm": alarm}


def leaking_columns(scores: Scores) -> list[str]:
    """Return the columns in use that validate found to give the target away, and that the user let through."""
    used = {one["column"] for one in scores["importance"]}
    named = [name for one in scores["findings"] if one["word"] == "leakage" for name in one["columns"]]
    return [name for name in dict.fromkeys(named) if name in used]


def _leakage(scores: Scores) -> Iterator[Sentence]:
    names = leaking_columns(scores)
    if names:
        which = "looks like the answer itself" if len(names) == 1 else "look like the answer itself"
        yield _say("leakage", f"It uses {', '.join(names)}, which {which}. Do not trust the score.", alarm=True)


def _score(scores: Scores) -> Iterator[Sentence]:
    facts, score = scores["facts"], scores["score"]
    stated = f"{facts['title']} is {number(score)} ({percent(facts['interval'])} interval {ends(score)})."
    if facts["judged_on"] == "test":
        rows = count(score["rows"], facts["noun"])
        yield _say("score", f"On {rows} that nothing was trained or chosen on, {stated}")
    else:
        yield _say(
            "score",
            f"No {facts['noun']}s were kept for a test: over {facts['folds']} folds with "
            f"{count(score['rows'], facts['noun'])}, {stated} "
            "The models were chosen by these, so expect a little worse.",
        )


def _meaning(scores: Scores) -> Iterator[Sentence]:
    task, found = scores["facts"]["task"], scores["scores"]["ensemble"]
    if task == "regression":
        r2 = found["r2"]["value"]
        explains = f"; it explains {percent(round(r2, 2))} of the variance" if r2 > 0 else ""
        yield _say("meaning", f"Its answers are off by {number(found['mae'])} on average{explains}.")
    elif task == "binary":
        yield from _binary_meaning(scores)
    else:
        yield from _multiclass_meaning(scores)


def _binary_meaning(scores: Scores) -> Iterator[Sentence]:
    (_, false_yes), (missed, hits) = scores["confusion"]["counts"]
    event, noun = scores["facts"]["event"], scores["facts"]["noun"]
    if not hits + false_yes:
        yield _say("meaning", f"It never calls a {noun} “{event}”.")
        return
    called, held = round(100 * hits / (hits + false_yes)), round(100 * hits / max(1, hits + missed))
    threshold = scores["threshold"]
    named = "" if threshold is None else f" (from a probability of {threshold:.2g} on)"
    yield _say("meaning", f"Of 100 {noun}s it calls “{event}”{named}, {called} are; of 100 that are, it finds {held}.")


def _multiclass_meaning(scores: Scores) -> Iterator[Sentence]:
    classes, counts = scores["confusion"]["classes"], scores["confusion"]["counts"]
    right = sum(counts[i][i] for i in range(len(classes)))
    wrong = [(counts[i][j], -i, -j) for i in range(len(classes)) for j in range(len(classes)) if i != j]
    most, actual, called = max(wrong)
    total = count(sum(map(sum, counts)), scores["facts"]["noun"])
    if right == sum(map(sum, counts)):
        yield _say("meaning", f"It calls all {total} what they are.")
        return
    taken = f"; most often it takes “{classes[-actual]}” for “{classes[-called]}” ({most} times)" if most > 1 else ""
    yield _say("meaning", f"Of {total} it calls {right} what they are{taken}.")


def _gain(scores: Scores) -> Iterator[Sentence]:
    over_dummy, over_linear = scores["gains"]["dummy_baseline"], scores["gains"]["linear_baseline"]
    name = title("linear_baseline", scores["facts"]["task"])
    if over_dummy["low"] <= 0:
        yield _say("useless", f"It is not certainly better than guessing (gain {plain(over_dummy)}).", alarm=True)
    elif over_linear["low"] > 0:
        yield _say("gain", f"That is better than {name} by {both(over_linear)}.")
    elif over_linear["high"] < 0:
        worse = {key: -over_linear[other] for key, other in (("value", "value"), ("low", "high"), ("high", "low"))}
        yield _say("gain", f"A plain {name} is better by {both(worse)}: use that one.", alarm=True)
    else:
        yield _say(
            "gain",
            f"A tie: it is not certainly better than {name} (gain {plain(over_linear)}): "
            "use that one if you must explain it.",
        )


def _gain_of_searching(scores: Scores) -> Iterator[Sentence]:
    gain, name = scores["gains"].get("default"), scores["facts"]["default"]
    if gain is None or name is None:
        return
    if gain["low"] > 0:
        yield _say("searched", f"Searching and combining gained {both(gain)} over the untuned default ({name}).")
    elif gain["high"] < 0:
        worse = {key: -gain[other] for key, other in (("value", "value"), ("low", "high"), ("high", "low"))}
        yield _say("searched", f"The untuned default ({name}) is better by {both(worse)}.", alarm=True)
    else:
        yield _say("searched", f"It ties with the untuned default ({name}; gain {plain(gain)}).")


def _broken_promise(scores: Scores) -> Iterator[Sentence]:
    by = promise_broken_by(scores)
    if by is not None:
        yield _say(
            "promise",
            f"The folds promised {number(scores['folds'])}, better than the test shows: the search has fooled itself "
            f"by about {number({**scores['score'], 'value': by})}, or the test rows differ.",
        )


def promise_broken_by(scores: Scores) -> float | None:
    """Return by how much the test is worse than the folds, when each lies outside the other's interval; else None."""
    folds, score = scores["folds"], scores["score"]
    if scores["facts"]["judged_on"] != "test":
        return None
    if scores["facts"]["greater_is_better"]:
        broken = score["value"] < folds["low"] and folds["value"] > score["high"]
    else:
        broken = score["value"] > folds["high"] and folds["value"] < score["low"]
    return abs(folds["value"] - score["value"]) if broken else None


def _by_heart(scores: Scores) -> Iterator[Sentence]:
    seen, folds = scores["seen"], scores["folds"]
    if seen is None or not knows_by_heart(scores):
        return
    rows = f"{scores['facts']['noun']}s"
    pair = f"{number({**folds, 'value': seen})} against {number(folds)}"
    yield _say(
        "by_heart", f"It knows its training {rows} by heart ({pair}): fewer parameters or more {rows} would help."
    )


def knows_by_heart(scores: Scores) -> bool:
    """Whether train is far above validation and the curves agree; not where trees weigh most: they do it by design."""
    seen, folds = scores["seen"], scores["folds"]["value"]
    if seen is None or scores["diagnosis"]["word"] != "overfits":
        return False
    weights = [(one["weight"] or 0.0, one["family"]) for one in scores["members"] if one["family"] != "ensemble"]
    by_design = sum(weight for weight, family in weights if family not in ("network", "linear"))
    if by_design >= 0.5 * sum(weight for weight, _ in weights):
        return False
    if scores["facts"]["greater_is_better"]:
        return bool(seen - folds > BY_HEART)
    return bool(folds - seen > BY_HEART_SHARE * folds)


def _few_rows(scores: Scores) -> Iterator[Sentence]:
    rows = scores["score"]["rows"]
    if scores["facts"]["judged_on"] == "test" and rows < FEW_TEST_ROWS:
        noun = f"test {scores['facts']['noun']}"
        because = "the interval is wide because of that, not because of the model"
        yield _say("few_rows", f"There are only {count(rows, noun)}: {because}.")


def _cut_short(scores: Scores) -> Iterator[Sentence]:
    for word, facts in scores["searched"].items():
        if improved_late(facts):
            best, last = facts["last_gain"], facts["last"]
            yield _say(
                "cut_short",
                f"The time ran out while {word} was still improving (its best is trial {best}, its last trial {last}).",
            )
            return


def improved_late(facts: dict[str, Any]) -> bool:
    """Whether a search that the clock or the user ended had its last gain late."""
    ended = facts.get("ended_by") in ("seconds", "stopped")
    return bool(ended and facts["last_gain"] is not None and facts["trials"] - facts["after"] > LATE * facts["trials"])


_CONDITIONS: tuple[Callable[[Scores], Iterator[Sentence]], ...] = (
    _leakage,
    _score,
    _meaning,
    _gain,
    _gain_of_searching,
    _broken_promise,
    _by_heart,
    _few_rows,
    _cut_short,
)
