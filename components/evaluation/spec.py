"""Settings of the stage `evaluate`: how sure its intervals are, and from which probability on the answer is yes."""

from typing import Annotated, Literal

from pydantic import Field

from components.core.errors import UserMistake
from components.core.specs import Spec, setting


class EvaluateSpec(Spec):
    """The only stage that sees the test rows."""

    interval: float = setting(0.95, "how sure every interval is: this share of them holds the true value", gt=0.5, lt=1)
    resamples: int = setting(1000, "drawings of the scored rows behind each interval", ge=100, le=100_000)
    threshold: Literal["auto"] | Annotated[float, Field(gt=0, lt=1)] = setting(
        "auto", "from which probability on the answer is yes; auto = as the folds chose for F1, else 0.5"
    )

    def threshold_for(self, task: str, chosen: float | None) -> float | None:
        """Return the threshold in use; `chosen` is that of the folds. None: the likelier class. Raises UserMistake."""
        if self.threshold == "auto":
            return chosen if task == "binary" else None
        if task != "binary":
            raise UserMistake(
                f"evaluate.threshold is {self.threshold:g}, but the task is {task}: only two classes have a threshold. "
                "Write auto."
            )
        return self.threshold
