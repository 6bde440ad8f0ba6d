"""What a CSV file is written in: encoding, separator, header. Found by reading all of it once, in pieces.

The whole file is decoded before anything is parsed, because a byte that does not fit is as likely in the last megabyte
as in the first. What is no UTF-8 is taken for Windows-1252 (or Latin-1), unless most of it is good UTF-8: then the few
other bytes are a fault of the file, and guessing would turn names into garbage silently.
"""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import UserMistake

PIECE = 1 << 20
SAMPLE = 1 << 18  # bytes that separator and header are judged by
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "cp1252": "Windows-1252", "latin-1": "Latin-1"}
GZIP_SIGN = b"\x1f\x8b"
SAID = re.compile(r'"?sep=([,;\t|])"?(\r\n|\r|\n)')
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


class NoRowsError(UserMistake):
    """A header and nothing below it: nothing to learn from, but for `predict` a table like any other."""

    def __init__(self, name: str, columns: tuple[str, ...]) -> None:
        self.columns = columns
        super().__init__(f"{name} has a header ({len(columns)} columns) and no rows. Nothing can be learned from it.")


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """All that is needed to read one CSV file."""

    name: str  # as messages show it
    gzipped: bool
    encoding: str  # a Python codec
    separator: str
    columns: tuple[str, ...]
    header_lines: int  # physical lines up to and including the header
    odd_quotes: bool  # an odd number of quote signs: one of them may never close


def sniff(file: Path, name: str) -> Dialect:
    """Find out how a CSV file is written. Raises UserMistake for what is no text, empty, or has no usable header."""
    gzipped = _gzipped(file, name)
    encoding = _encoding(file, name, gzipped)
    sample = _sample(file, encoding, gzipped)
    if not sample.strip("\ufeff \t\r\n"):
        raise UserMistake(f"{name} holds no text but blanks. A table needs a header and rows.")
    sample = sample.removeprefix("\ufeff")
    said = SAID.match(sample)  # a first line "sep=;", as Excel writes it
    sample = sample[said.end() :] if said else sample
    separator = said.group(1) if said else find_separator(sample)
    columns, header_lines, only_header = _header(sample, separator, name)
    if only_header:
        raise NoRowsError(name, columns)
    quotes = sum(piece.count(b'"') for piece in pieces(file, gzipped))
    return Dialect(
        name=name,
        gzipped=gzipped,
        encoding=encoding,
        separator=separator,
        columns=columns,
        header_lines=header_lines + (said is not None),
        odd_quotes=quotes % 2 == 1,
    )


def pieces(file: Path, gzipped: bool) -> Iterator[bytes]:
    """Yield the (unpacked) bytes of a file, a megabyte at a time."""
    with gzip.open(file, "rb") if gzipped else file.open("rb") as opened:
        while piece := opened.read(PIECE):
            yield piece


def find_separator(sample: str) -> str:
    """Return the separator under which most rows have as many fields as the header; a comma when none has two."""

    def fit(separator: str) -> tuple[float, int]:
        counts = [len(row) for row in _rows(sample, separator) if row]
        if not counts or counts[0] < 2:
            return (-1.0, 0)
        alike = sum(count == counts[0] for count in counts[1:]) / max(1, len(counts) - 1)
        return (alike, counts[0])

    return max(SEPARATORS, key=fit)


def _rows(sample: str, separator: str, limit: int = 200) -> list[list[str]]:
    found: list[list[str]] = []
    lines = io.StringIO(sample, newline="")
    try:
        for row in csv.reader(lines, delimiter=separator):
            found.append(row)
            if len(found) == limit:
                break
    except csv.Error:  # a field that never ends: what was read so far is enough to judge by
        pass
    if len(sample) >= SAMPLE // 4 and len(found) > 2 and len(found) < limit:
        found.pop()  # the sample ends in the middle of it
    return found


def _header(sample: str, separator: str, name: str) -> tuple[tuple[str, ...], int, bool]:
    """Return the column names, the lines that the header takes, and whether nothing follows it."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
    try:
        fields = next(row for row in reader if row)
        lines = reader.line_num
        only_header = not any(reader)
    except csv.Error as error:
        if "field larger" not in str(error):
            raise UserMistake(f"{name} cannot be read as CSV: {error}.") from error
        raise UserMistake(f'{name}: a quote (") opens in the first rows and is never closed.') from error
    columns = tuple(field.strip() or f"column_{i}" for i, field in enumerate(fields, start=1))
    if all(NUMBER.fullmatch(column) for column in columns) and any("." in column for column in columns):
        raise UserMistake(
            f"{name}: the first row holds numbers ({', '.join(columns[:3])}, ...), not names of columns. "
            "Add a header row."
        )
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        more = f" and {len(twice) - 1} other names" if len(twice) > 1 else ""
        raise UserMistake(
            f"{name}: the column name '{twice[0]}' stands {columns.count(twice[0])} times in the header{more}. "
            "Every column needs a name of its own. (If the file has no header row, add one.)"
        )
    return columns, lines, only_header


def _gzipped(file: Path, name: str) -> bool:
    with file.open("rb") as opened:
        signed = opened.read(2) == GZIP_SIGN
    if file.suffix.lower() == ".gz" and not signed:
        raise UserMistake(f"{name} is not compressed with gzip, although its name ends in .gz. Rename or compress it.")
    return signed


def _encoding(file: Path, name: str, gzipped: bool) -> str:
    """Return the first codec under which every byte of the file is a sign."""
    try:
        first = next(pieces(file, gzipped), b"")
        if not first:
            raise UserMistake(f"{name} is empty inside its gzip. A table needs a header and rows.")
        candidate = _by_first_bytes(first)
        _refuse_binary(first, candidate, name)
        bad = _first_bad_byte(file, candidate, gzipped)
        if bad is None:
            return candidate
        if candidate.startswith("utf-16"):
            raise UserMistake(f"{name} begins as UTF-16, but byte {bad} does not fit. Save the file again, as UTF-8.")
        _refuse_mixed(file, name, gzipped, bad)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserMistake(f"{name} is a damaged gzip file: {error}. Fetch or compress it again.") from error
    return "cp1252" if _first_bad_byte(file, "cp1252", gzipped) is None else "latin-1"


def _by_first_bytes(first: bytes) -> str:
    if first.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = first[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if len(head) >= 4 and odd > 0.6 * len(head) / 2 and even < 0.05 * len(head) / 2:
        return "utf-16-le"
    if len(head) >= 4 and even > 0.6 * len(head) / 2 and odd < 0.05 * len(head) / 2:
        return "utf-16-be"
    return "utf-8"


def _refuse_binary(first: bytes, candidate: str, name: str) -> None:
    if candidate.startswith("utf-16"):
        return
    found = CONTROL.search(first)
    if found is None or (b"\0" not in first and len(CONTROL.findall(first)) < 0.002 * len(first)):
        return
    raise UserMistake(
        f"{name} is not text: byte {found.start()} is 0x{first[found.start()]:02X}. "
        "Only CSV (also gzipped) and Parquet files are read."
    )


def _first_bad_byte(file: Path, encoding: str, gzipped: bool) -> int | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    seen = 0
    for piece in pieces(file, gzipped):
        waiting = len(decoder.getstate()[0])  # bytes of an unfinished sign, kept from the piece before
        try:
            decoder.decode(piece)
        except UnicodeDecodeError as error:
            return seen - waiting + error.start
        seen += len(piece)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return seen - len(error.object) + error.start
    return None


def _refuse_mixed(file: Path, name: str, gzipped: bool, bad: int) -> None:
    """Refuse a file that is good UTF-8 but for a few bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    good = wrong = 0
    row, seen, value = 1, 0, 0
    for piece in pieces(file, gzipped):
        text = decoder.decode(piece)
        wrong += text.count("\ufffd")
        good += sum(sign > "\x7f" for sign in text) if not text.isascii() else 0
        if seen <= bad < seen + len(piece):
            value = piece[bad - seen]
            row += piece.count(b"\n", 0, bad - seen)
        elif bad >= seen + len(piece):
            row += piece.count(b"\n")
        seen += len(piece)
    if good - wrong > wrong:
        raise UserMistake(
            f"{name}, line {row}: byte {bad} is 0x{value:02X}, which is no UTF-8, although the rest of the file is. "
            "Two encodings were mixed: save the file again, as UTF-8."
        )


def _sample(file: Path, encoding: str, gzipped: bool) -> str:
    taken = b""
    for piece in pieces(file, gzipped):
        taken += piece
        if len(taken) >= SAMPLE:
            break
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(taken[:SAMPLE])
