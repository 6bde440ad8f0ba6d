"""Optuna's journal file, with one addition: several lines can be written and synced in one go.

A finished trial is a dozen lines, each of which Optuna opens, writes and syncs by itself: 10 ms instead of 2.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def backend(path: Path) -> Any:
    """Return a JournalFileBackend that has the context `together()`."""
    from optuna.storages.journal import JournalFileBackend

    class Together(JournalFileBackend):
        _held: list[dict[str, Any]] | None = None

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            """Write lines, or hold them back until the context ends."""
            if self._held is None:
                super().append_logs(logs)
            else:
                self._held += logs

        @contextlib.contextmanager
        def together(self) -> Iterator[None]:
            """Hold lines back; nobody, this process included, reads them before the context ends."""
            self._held = []
            try:
                yield
            finally:
                held, self._held = self._held, None
                if held:
                    self.append_logs(held)

    return Together(str(path))
