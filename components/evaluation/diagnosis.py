"""Over- and underfitting in words, from learning curves, with what to do about it.

Read off the loss of a network or a booster on its fit rows and on the rows it is scored on, mean over the folds, by
four questions: was there still something to gain at the last step; did the validation loss turn while the train loss
went on; did it learn its own rows hardly better than guessing; else it fits. All thresholds are shares of what was
learned (first loss minus best loss), so that they mean the same for every loss and table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Word = Literal["fits", "overfits", "underfits", "unfinished", "unknown"]

FEWEST_STEPS = 4
TURNED = 0.10  # validation rose by this share of what was learned
STILL_FALLING = 0.02  # ... fell by this share in the last tenth of the epochs
HARDLY_LEARNED = 0.05  # ... of the loss of guessing
APART = 0.35  # train is ahead of validation by this share of what was learned


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A word for programs, a sentence for people, and a line of params.yaml that may help."""

    word: Word
    sentence: str
    cure: str = ""


@dataclass(frozen=True, kw_only=True)
class Learner:
    """What learns in steps: what a step is called, and what helps it when it does not fit."""

    step: str
    underfits: str
    overfits: str
    cures: Mapping[str, str]  # word, or kind and word, -> the line; {twice} in it: twice the steps there were


LEARNERS: Mapping[str, Learner] = MappingProxyType(
    {
        "search": Learner(
            step="epoch",
            underfits="A wider or deeper network, less dropout or a higher learning rate may help.",
            overfits="Fewer parameters, more dropout or more rows would help.",
            cures={
                "underfits": "search.network.width: {choose: [128, 256, 512]}",
                "cnn underfits": "search.network.filters: {choose: [32, 64]}",
                "unfinished": "search.training.epochs: {twice}",
                "overfits": "search.network.dropout: {low: 0.1, high: 0.5}",
            },
        ),
        "boosting": Learner(
            step="round",
            underfits="Deeper trees, a higher learning rate or a smaller min_child_weight may help.",
            overfits="Trees always do, to a degree; shallower ones, a larger min_child_weight, a smaller subsample or "
            "more rows would help.",
            cures={
                "underfits": "boosting.trees.max_depth: {low: 6, high: 12}",
                "unfinished": "boosting.trees.rounds: {twice}",
                "overfits": "boosting.trees.max_depth: {low: 2, high: 6}",
            },
        ),
    }
)
"""By the stage that trains them."""


def diagnose(
    train_E: NDArray[np.float32],
    validation_E: NDArray[np.float32],
    learner: Learner = LEARNERS["search"],
    *,
    guess: float | None = None,
    kind: str = "",
) -> Diagnosis:
    """Read two loss curves (lower is better, one value a step).

    `guess`: the loss of always saying the average; `kind`: of the network or the trees, where a cure depends on it.
    """
    word, sentence = _read(train_E, validation_E, learner, guess)
    cure = learner.cures.get(f"{kind} {word}", learner.cures.get(word, ""))
    return Diagnosis(word=word, sentence=sentence, cure=cure.replace("{twice}", str(2 * len(validation_E))))


def _read(
    train_E: NDArray[np.float32], validation_E: NDArray[np.float32], learner: Learner, guess: float | None
) -> tuple[Word, str]:
    if len(validation_E) < FEWEST_STEPS or not (np.isfinite(train_E).all() and np.isfinite(validation_E).all()):
        return "unknown", "Its curves are too short to tell over- from underfitting."
    best = int(validation_E.argmin())
    at_best, train_at_best = float(validation_E[best]), float(train_E[best])
    learned = max(float(validation_E[0]) - at_best, 1e-12)
    if guess is not None and train_at_best > (1 - HARDLY_LEARNED) * guess:
        compared = f"even on its own rows the loss is {train_at_best:.3g}, guessing has {guess:.3g}"
        return "underfits", f"It underfits: {compared}. {learner.underfits}"
    last = len(validation_E) - 1
    tenth = max(1, last // 10)
    late_gain = float(validation_E[last - tenth] - validation_E[best:].min())
    if best >= last - tenth // 2 and late_gain > STILL_FALLING * learned:
        steps = f"{learner.step}s"
        return "unfinished", f"It was still learning when its {last + 1} {steps} were over: more {steps} would help."
    if float(validation_E[-1]) - at_best > TURNED * learned and float(train_E[-1]) < train_at_best:
        rises = f"the validation loss rises from {at_best:.3g} to {float(validation_E[-1]):.3g}"
        kept = f"{learner.step} {best + 1}"
        return (
            "overfits",
            f"It overfits from {kept} on: {rises} while the train loss falls. Early stopping kept {kept}.",
        )
    if at_best - train_at_best > APART * max(learned, at_best):
        compared = f"the loss is {train_at_best:.3g} on its own rows and {at_best:.3g} on others"
        return "overfits", f"It overfits: {compared}. {learner.overfits}"
    return "fits", "It fits well: train and validation agree."
