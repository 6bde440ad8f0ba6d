"""`espalier pin`: write the counts that the clock decided into params.yaml, so that anyone grows the same bytes."""

from pathlib import Path
from typing import Any

from components.core.errors import UserMistake
from components.core.files import read_json
from components.project.params import read_params, section
from pipelines.commands.set import set_values

SEARCHES = ("search", "boosting")


def run(root: Path) -> None:
    """Set trials, `keep`, `refit` and members as the last run reached them, and `seconds: none`."""
    params = read_params(root)
    pairs: list[tuple[str, Any]] = []
    for word in SEARCHES:
        note = _note(root, word)
        if not note.get("repeatable", False):
            raise UserMistake(
                f"{word} cannot be pinned: not even its first trials were finished when it ended. "
                "Give it more seconds and run again."
            )
        settings: Any = section(params, word)
        if settings.trials != note["trials"]:
            pairs.append((f"{word}.trials", note["trials"]))
        if 0 < note["keep"] < min(settings.keep, note["complete"]):  # the clock left some out
            pairs.append((f"{word}.keep", note["keep"]))
        if getattr(settings, "refit", 0) == "auto" and note.get("refit", 0) < note["keep"]:
            pairs.append((f"{word}.refit", note.get("refit", 0)))
        if settings.seconds != "none":
            pairs.append((f"{word}.seconds", "none"))
    pairs += _bagging(root, section(params, "bagging"))
    if params.seconds is not None:
        pairs.append(("seconds", "none"))
    set_values(root, pairs)
    print("Counts decide now. The same file, data and code grow the same bytes.")


def _note(root: Path, word: str) -> dict[str, Any]:
    """Return what the last search said of its end, beside the studies."""
    file = root / ".espalier" / "studies" / f"{word}.json"
    if not file.exists() or not (root / "data" / word / f"{word}.json").exists():
        raise UserMistake(f"There is no finished {word} to pin. Run:  espalier run")
    return dict(read_json(file))


def _bagging(root: Path, settings: Any) -> list[tuple[str, Any]]:
    """Name the members and count the trees and repeats that were grown, where the clock left some out."""
    file = root / "data" / "bagging" / "bagging.json"
    wished = {"members": list(settings.members), "trees": settings.trees, "repeats": settings.repeats}
    facts = read_json(file) if file.exists() else wished
    kept = [member for member in settings.members if member in facts["members"]]
    pairs: list[tuple[str, Any]] = [("bagging.members", kept)] if kept and kept != list(settings.members) else []
    pairs += [(f"bagging.{word}", facts[word]) for word in ("trees", "repeats") if 0 < facts[word] < wished[word]]
    return pairs + ([("bagging.seconds", "none")] if settings.seconds != "none" else [])
