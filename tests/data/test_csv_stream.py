"""Reading CSV lends a Python function to pyarrow's threads; they have let go of it when the reading is over."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyarrow import csv as arrow_csv

from components.core.errors import UserMistake
from components.data import csv_stream
from components.data.csv_stream import BadRows, read_batches
from components.data.sniffing import Dialect, sniff

TEXTS = {
    "good": "a,b\n" + "1,2\n" * 3000,
    "ragged": "a,b\n" + "1,2\n1,2,3\n" * 3000,
    "not UTF-8": "a,b\n" + "1,é\n" * 3000,
    "an open quote": "a,b\n" + "1,2\n" * 3000 + '1,"2\n' + "1,2\n" * 3_000_000,
}


def dialect_of(folder: Path, text: str) -> tuple[Path, Dialect]:
    file = folder / "t.csv"
    file.write_bytes(text.encode("latin1"))
    return file, sniff(file, "t.csv")


def read_all(file: Path, dialect: Dialect) -> None:
    for _ in read_batches(file, dialect, BadRows()):
        pass


def read_one(file: Path, dialect: Dialect) -> None:
    batches = read_batches(file, dialect, BadRows())
    next(batches)
    batches.close()  # type: ignore[attr-defined]


def lent_functions(monkeypatch: pytest.MonkeyPatch) -> list[threading.Event]:
    """Return a list that gets an event for each function that is lent: set when that is gone."""
    seen: list[threading.Event] = []
    lent = csv_stream._lent

    def noted(bad: BadRows, released: threading.Event) -> Callable[[Any], str]:
        seen.append(released)
        return lent(bad, released)

    monkeypatch.setattr(csv_stream, "_lent", noted)
    return seen


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("read", [read_all, read_one])
def test_nothing_is_lent_when_the_reading_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, read: Callable[[Path, Dialect], None]
) -> None:
    """To its end, left off after a batch, or refused, while the mistake's traceback is still here."""
    file, dialect = dialect_of(tmp_path, TEXTS[text])
    seen = lent_functions(monkeypatch)
    refused = None
    try:
        read(file, dialect)
    except UserMistake as error:
        refused = error
    assert [one.is_set() for one in seen] == [True]
    assert refused is None or text == "an open quote"


def test_a_thread_that_is_late_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, dialect = dialect_of(tmp_path, TEXTS["good"])
    let_go = []

    def hold(options: list[arrow_csv.ParseOptions]) -> None:
        time.sleep(0.5)
        let_go.append(True)
        options.clear()

    def open_csv(stream: Any, *, parse_options: arrow_csv.ParseOptions, **others: Any) -> Any:
        threading.Thread(target=hold, args=([parse_options],)).start()
        return arrow_csv.open_csv(stream, parse_options=parse_options, **others)

    options = {name: getattr(arrow_csv, name) for name in ("ReadOptions", "ParseOptions", "ConvertOptions")}
    monkeypatch.setattr(csv_stream, "arrow_csv", SimpleNamespace(open_csv=open_csv, **options))
    read_all(file, dialect)
    assert let_go == [True]
