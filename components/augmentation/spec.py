"""Settings of the augment stage: how many rows are made, and how. `noise.py` and `smote.py` have the techniques."""

from typing import Self

from pydantic import model_validator

from components.core.specs import Spec, setting


class AugmentSpec(Spec):
    """Rows made from train rows, inside the fold part that they stand in: fitted on, never scored."""

    copies: int = setting(0, "made rows per real row; 0 makes none", ge=0, le=100)
    noise: float = setting(
        0.0,
        "standard deviations of gaussian noise added to the numbers of each copy",
        ge=0,
        le=10,
        allow_inf_nan=False,
    )
    smote: bool = setting(False, "fill up rare classes from their neighbours")

    @model_validator(mode="after")
    def _copies_differ(self) -> Self:
        if self.copies and not self.noise:
            raise ValueError("copies without noise would only repeat rows. Set noise, for instance noise: 0.1.")
        return self

    @property
    def makes_rows(self) -> bool:
        """Whether anything is made at all."""
        return self.copies > 0 or self.smote
