"""Settings of training, for every architecture alike; `search.training` in params.yaml.

Optimizers and schedules have their settings beside their mathematics (`optimizers/`, `schedules/`). A word may
stand for a class with its defaults: `schedule: cosine` is `schedule: {kind: cosine}`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from components.core.specs import Spec, setting
from components.training.averaging import Averaging
from components.training.losses import LossSpec
from components.training.optimizers import AdamW, Optimizer
from components.training.schedules import Cosine, Schedule, warm_up


class EarlyStopping(Spec):
    """When a network stops growing, and that its best weights are kept."""

    patience: int = setting(16, "epochs without a gain before it stops", ge=1)
    min_gain: float = setting(1.0e-4, "what counts as a gain of the validation loss", ge=0)


class TrainingSpec(Spec):
    """How a network is trained."""

    loss: Literal["auto"] | Annotated[LossSpec, Field(discriminator="kind")] = setting(
        "auto", "cross_entropy | focal; mse | mae | huber | quantile; auto is cross_entropy for classes, else mse"
    )
    epochs: int = setting(64, "passes over the rows, at most", ge=1)
    batch_size: Annotated[int, Field(ge=1)] | Literal["full"] = setting(
        256, "full = batch training, 1 = stochastic", search={"choose": [128, 256, 512]}
    )
    optimizer: Optimizer = setting(
        AdamW(),
        "also rmsprop, adam, adagrad",
        search={
            "choose": [
                {
                    "kind": "adamw",
                    "lr": {"low": 1.0e-4, "high": 0.1, "log": True},
                    "weight_decay": {"low": 1.0e-6, "high": 0.1, "log": True},
                },
                {"kind": "sgd", "lr": {"low": 1.0e-3, "high": 1.0, "log": True}, "momentum": 0.9, "nesterov": True},
            ]
        },
        discriminator="kind",
    )
    schedule: Schedule = setting(
        Cosine(),
        "also exponential, cyclical, one_cycle, flat_cosine",
        search={"choose": ["constant", "step", "cosine", "coslog4"]},
        discriminator="kind",
    )
    warmup: float = setting(0.0, "first epochs, in which the rate rises from 0.01 of itself; for every schedule", ge=0)
    l1: float = setting(0.0, "penalty on the sizes of weights (not of biases)", ge=0)
    label_smoothing: float = setting(
        0.0, "share of a label spread over all classes", search={"choose": [0.0, 0.1]}, ge=0, lt=1
    )
    class_weights: Literal["none", "balanced"] = setting("none", "balanced: every class counts the same in sum")
    clip_norm: Literal["none"] | Annotated[float, Field(gt=0)] = setting(
        "none", "longest gradient of a model; a longer one is scaled down"
    )
    averaging: Literal["none"] | Annotated[Averaging, Field(discriminator="kind")] = setting(
        "none", "ema | swa; means of weights along the way are judged and kept"
    )
    precision: Literal["float32", "tf32", "bfloat16"] = setting(
        "float32",
        "also tf32 (float32 without a GPU), bfloat16: of products in a step; answers of networks are always float32",
    )
    early_stopping: EarlyStopping | Literal["none"] = setting(
        EarlyStopping(), "the best epoch's weights are kept; none = the last epoch's"
    )

    @field_validator("loss", "optimizer", "schedule", "averaging", mode="before")
    @classmethod
    def _word_is_kind(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) and value not in ("auto", "none") else value

    def rate(self, epoch: float) -> float:
        """Return the learning rate when this many epochs are over, parts of an epoch counted."""
        return self.optimizer.lr * warm_up(epoch, self.warmup) * self.schedule.factor(epoch, self.epochs)

    @property
    def cycle_ends(self) -> tuple[int, ...] | None:
        """The epochs after which this training may be compared with others; None: any."""
        return self.schedule.cycle_ends(self.epochs)
