"""`out.json`: every out names the hashes of the outs that it was made from, back to ingest.

So a changed cell of the source changes every out after it, even where no row moved and the other bytes stay (DVC
would skip the rest); and a stage may open any ancestor's folder and can never read a stale one. (ARCHITECTURE: rule
of section 1.)
"""

from pathlib import Path
from typing import Any

from components.core.errors import UserMistake
from components.core.files import hash_folder, read_json, write_json
from pipelines.engine.dvc_yaml import NO_MORE, More, ancestors, inputs_of

FILE = "out.json"


def read_made_from(root: Path, word: str, more: More = NO_MORE) -> dict[str, str]:
    """Return the hash of every ancestor's out; all of them belong together.

    Raises:
        UserMistake: an out is missing, or was made from another one than the one that lies in data/.
    """
    found: dict[str, str] = {}
    for name in inputs_of(word, more):
        record = _record(root, name, word)
        for ancestor, hash_ in {**record["made_from"], name: record["hash"]}.items():
            if found.setdefault(ancestor, hash_) != hash_:
                raise UserMistake(_stale(word, ancestor))
    for ancestor, hash_ in found.items():
        if _record(root, ancestor, word)["hash"] != hash_:
            raise UserMistake(_stale(word, ancestor))
    assert set(found) == set(ancestors(word, more)), f"out.json of the inputs of {word} names {sorted(found)}"
    return found


def write_out_record(folder: Path, word: str, made_from: dict[str, str]) -> None:
    """Close an out: the hash of its files, and what it was made from. Nothing of it depends on place or time."""
    record = {"stage": word, "hash": hash_folder(folder, frozenset({FILE})), "made_from": made_from}
    write_json(folder / FILE, record)


def _record(root: Path, name: str, word: str) -> dict[str, Any]:
    path = root / "data" / name / FILE
    try:
        return read_json(path)
    except FileNotFoundError:
        raise UserMistake(
            f"data/{name} is not there or not whole, and {word} stands on it. Run: espalier run --stage {word}"
        ) from None


def _stale(word: str, ancestor: str) -> str:
    return (
        f"What {word} stands on was made from another data/{ancestor} than the one that lies there. "
        f"Run: espalier run --stage {word}"
    )
