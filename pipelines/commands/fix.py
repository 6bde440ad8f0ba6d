"""`espalier fix <word>`: write the cure of a finding into params.yaml; without a word: list what can be cured."""

from pathlib import Path
from typing import Any

from components.core.errors import UserMistake, did_you_mean
from components.core.files import read_json
from components.project.keys import find_key, place_of, value_at
from components.project.params import read_document
from components.project.words import write
from pipelines.commands.set import set_values

STOPPED = Path(".espalier") / "findings.json"  # written when findings stop validate
DONE = Path("data") / "validate" / "findings.json"


def run(root: Path, *, word: str) -> None:
    """Apply the cure of a finding of the last validate."""
    curable = [finding for finding in _findings(root) if finding.get("fix")]
    if not word:
        for finding in curable:
            print(f"  {finding['word']:12}{finding['fix']['key']}: {write(finding['fix']['value'])}")
        print("Apply one:  espalier fix WORD" if curable else "No finding has a cure that can be written.")
        return
    mine = [finding["fix"] for finding in curable if finding["word"] == word]
    if not mine:
        words = sorted({finding["word"] for finding in curable})
        there = f"There are cures for: {', '.join(words)}." if words else "No finding has a cure that can be written."
        raise UserMistake(f"There is no finding '{word}' with a cure. {did_you_mean(word, words) or there}")
    document, merged = read_document(root), dict[str, Any]()
    for cure in mine:
        if cure["key"] not in merged:
            place, missing = place_of(document, find_key(cure["key"], document.kind))
            merged[cure["key"]] = None if missing else value_at(document, place)
        merged[cure["key"]] = _merged(merged[cure["key"]], cure["value"])
    set_values(root, list(merged.items()))


def _findings(root: Path) -> list[dict[str, Any]]:
    """Return the findings of the last validate, whether it stopped or not."""
    files = [root / name for name in (STOPPED, DONE) if (root / name).exists()]
    if not files:
        raise UserMistake("There are no findings yet. Run:  espalier run --stage validate")
    return list(read_json(max(files, key=lambda file: file.stat().st_mtime_ns)))


def _merged(one: Any, other: Any) -> Any:
    """Join what stands there, or another cure of the same word, with a cure: nothing is taken out of lists."""
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *(item for item in other if item not in one)]
    return {**one, **other} if isinstance(one, dict) and isinstance(other, dict) else other
