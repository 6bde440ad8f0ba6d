"""Early stopping of each model by itself: which epoch was its best, and when it will not get better (Prechelt 1998).

A model is judged by the plain loss of its fold's scored rows, or, where the metric counts labels (accuracy, F1), by
the metric itself, ties decided by the loss: probabilities are best some epochs before the most labels are right.
"""

from dataclasses import dataclass, field
from math import inf

from components.training.spec import EarlyStopping


@dataclass(kw_only=True)
class Judgement:
    """What is known of one model after some epochs; smaller is better."""

    epochs: int = 0
    best_epoch: int = 0  # counted from 1; 0: none yet
    best: tuple[float, float] = (inf, inf)  # what it is judged by, then the loss
    last_gain: int = 0  # the epoch that was better than `gained` by more than min_gain
    gained: float = inf
    train: list[float] = field(default_factory=list)  # plain loss after each epoch
    validation: list[float] = field(default_factory=list)

    def add(self, stopping: EarlyStopping | None, error: float, train_loss: float, validation_loss: float) -> bool:
        """Note an epoch; return whether its weights are the ones to keep. Without stopping the last ones are."""
        self.epochs += 1
        self.train.append(train_loss)
        self.validation.append(validation_loss)
        if stopping is None or error < self.gained - stopping.min_gain:
            self.gained, self.last_gain = error, self.epochs
        if stopping is None or (error, validation_loss) < self.best:
            self.best, self.best_epoch = (error, validation_loss), self.epochs
            return True
        return False

    def is_over(self, stopping: EarlyStopping | None) -> bool:
        """Whether its patience is at an end."""
        return stopping is not None and self.epochs - self.last_gain >= stopping.patience
