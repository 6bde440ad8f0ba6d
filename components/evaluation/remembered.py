"""A member that remembers its last answer, so that the ensemble and the table of its members ask it once."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Member, Predictions
from components.core.table import Table


@dataclass(kw_only=True)
class Remembered:
    """A `components.core.contracts.Member` around another one, with how long its longest answer took."""

    member: Member
    seconds: float = 0.0  # of the answer for the most rows so far
    rows: int = 0
    _asked: tuple[Table, NDArray[np.int64]] | None = field(default=None, repr=False)
    _answer: NDArray[np.float32] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The member's name."""
        return self.member.name

    @property
    def family(self) -> str:
        """The member's family."""
        return self.member.family

    @property
    def oof(self) -> Predictions:
        """The member's out-of-fold predictions."""
        return self.member.oof

    @property
    def ms_per_row(self) -> float | None:
        """Measured milliseconds a row; None before it was asked."""
        return 1000 * self.seconds / self.rows if self.rows else None

    def predict(self, table: Table, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Predict, or give the same answer again [N, C]."""
        wanted = np.arange(table.num_rows, dtype=np.int64) if rows is None else rows
        if self._asked is not None and self._answer is not None:
            asked_table, asked_rows = self._asked
            if asked_table is table and np.array_equal(asked_rows, wanted):
                return self._answer
        began = time.perf_counter()
        self._answer = self.member.predict(table, wanted)
        self._asked = (table, wanted)
        if len(wanted) >= self.rows:
            self.seconds, self.rows = time.perf_counter() - began, len(wanted)
        return self._answer

    def cost(self) -> int:
        """Multiply-adds per row."""
        return self.member.cost()

    def save(self, folder: Path) -> None:
        """Remembering is for judging: what is saved is the member itself."""
        raise AssertionError("a remembered member is not saved")
