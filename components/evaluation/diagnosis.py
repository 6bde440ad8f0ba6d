"""Over- and underfitting in words, from learning curves, with what to do about it.

Read off the loss of the best network on its fit rows and on the rows it is scored on, mean over the folds, by four
questions: was there still something to gain at the last epoch; did the validation loss turn while the train loss went
on; did it learn its own rows hardly better than guessing; else it fits. All thresholds are shares of what was learned
(first loss minus best loss), so that they mean the same for every loss and table.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Word = Literal["fits", "overfits", "underfits", "unfinished", "unknown"]

FEWEST_EPOCHS = 4
TURNED = 0.10  # validation rose by this share of what was learned
STILL_FALLING = 0.02  # ... fell by this share in the last tenth of the epochs
HARDLY_LEARNED = 0.05  # ... of the loss of guessing
APART = 0.35  # train is ahead of validation by this share of what was learned


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A word for programs, a sentence for people."""

    word: Word
    sentence: str


def diagnose(
    train_E: NDArray[np.float32], validation_E: NDArray[np.float32], *, guess: float | None = None
) -> Diagnosis:
    """Read two loss curves (lower is better, one value an epoch); `guess` is the loss of always saying the average."""
    if len(validation_E) < FEWEST_EPOCHS or not (np.isfinite(train_E).all() and np.isfinite(validation_E).all()):
        return Diagnosis(word="unknown", sentence="Its curves are too short to tell over- from underfitting.")
    best = int(validation_E.argmin())
    at_best, train_at_best = float(validation_E[best]), float(train_E[best])
    learned = max(float(validation_E[0]) - at_best, 1e-12)
    if guess is not None and train_at_best > (1 - HARDLY_LEARNED) * guess:
        return Diagnosis(
            word="underfits",
            sentence=f"It underfits: even on its own rows the loss is {train_at_best:.3g}, guessing has {guess:.3g}. "
            "A wider or deeper network, less dropout or a higher learning rate may help.",
        )
    last = len(validation_E) - 1
    tenth = max(1, last // 10)
    if best >= last - tenth // 2 and float(validation_E[last - tenth] - validation_E[best:].min()) > (
        STILL_FALLING * learned
    ):
        return Diagnosis(
            word="unfinished",
            sentence=f"It was still learning when its {last + 1} epochs were over: more epochs would help.",
        )
    if float(validation_E[-1]) - at_best > TURNED * learned and float(train_E[-1]) < train_at_best:
        return Diagnosis(
            word="overfits",
            sentence=f"It overfits from epoch {best + 1} on: the validation loss rises from {at_best:.3g} to "
            f"{float(validation_E[-1]):.3g} while the train loss falls. Early stopping kept epoch {best + 1}.",
        )
    if at_best - train_at_best > APART * max(learned, at_best):
        return Diagnosis(
            word="overfits",
            sentence=f"It overfits: the loss is {train_at_best:.3g} on its own rows and {at_best:.3g} on others. "
            "Fewer parameters, more dropout or more rows would help.",
        )
    return Diagnosis(word="fits", sentence="It fits well: train and validation agree.")
