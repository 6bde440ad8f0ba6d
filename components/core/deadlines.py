"""One object says how much time is left, and every loop asks it.

A deadline ends by the clock, or when the user asked to stop (Ctrl-C once): then the file `stop_file` exists. That is
how one keystroke reaches the workers of every stage, whoever started them.
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """A point on this machine's monotonic clock, in seconds; `math.inf` is never."""

    at: float = math.inf
    stop_file: Path | None = None

    @classmethod
    def after(cls, seconds: float | None, stop_file: Path | None = None) -> "Deadline":
        """Begin now; None is no limit."""
        return cls(at=math.inf if seconds is None else time.monotonic() + seconds, stop_file=stop_file)

    def left(self) -> float:
        """Seconds left, never below 0."""
        return 0.0 if self.stopped() else max(0.0, self.at - time.monotonic())

    def over(self) -> bool:
        """Whether nothing new should be begun."""
        return self.left() <= 0.0

    def stopped(self) -> bool:
        """Whether the user asked to finish with what there is."""
        return self.stop_file is not None and self.stop_file.exists()

    def sooner(self, seconds: float | None) -> "Deadline":
        """The earlier one of this deadline and `seconds` from now."""
        if seconds is None:
            return self
        return Deadline(at=min(self.at, time.monotonic() + seconds), stop_file=self.stop_file)


NEVER = Deadline()
