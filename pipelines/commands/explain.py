"""`espalier explain`: what a stage or a key is for, what may stand there, what stands there, what auto became."""

import inspect
import textwrap
from pathlib import Path
from typing import Any

from components.core.errors import UserMistake
from components.core.files import read_json
from components.core.specs import Spec
from components.project.documents import Document
from components.project.forms import form_of_field, kind_of
from components.project.keys import Key, find_key, place_of, sentence, value_at
from components.project.kinds import KINDS
from components.project.params import TopSpec, read_document
from components.project.sections import SECTIONS, section_class, section_sentence
from components.project.words import write
from components.project.written import as_written, left_out
from pipelines.engine import budget

WIDTH = 96
DETAILS = {
    "ingest": "Reads CSV (any usual separator and encoding, also .gz), Parquet, a glob of those, or example:NAME, as a "
    "stream: memory does not grow with the rows. The table's content hash is carried by everything after it.",
    "validate": "Infers the type of every column, the task and the classes, and freezes them. Findings are errors, "
    "warnings or notes; an error stops the run before anything is trained, and names the line that settles it.",
    "split": "Deals rows to test and folds, once, for all members. Copies of a row never stand on two sides. With "
    "test: 0 all estimates come from the folds, and every page says so.",
    "augment": "Comes after the split, so that a row made from a train row never stands in a test fold: rows are made "
    "inside one fold part, from that part's rows alone; they are fitted on and never scored.",
    "search": "Plans trials in generations and keeps every outcome in files, so that a killed run goes on exactly "
    "where it was. The best few are trained on all folds and go on to stacking. Any leaf below preprocess, network and "
    "training may be a range.",
    "boosting": "LightGBM, XGBoost and CatBoost through the same search: early stopping on the fold's own part, "
    "categories as they are, one thread for each model.",
    "bagging": "Random forest, extra trees and regularised linear models, one for each fold, "
    "and one of all rows that answers.",
    "stacking": "Weighs members by their out-of-fold predictions: greedy selection, convex weights, a linear "
    "meta-learner or a second layer, whichever is better by cross-validation on them; of a tie the cheapest. Members "
    "without weight are dropped.",
    "evaluate": "Scores the test rows: metrics with bootstrap intervals, gains over simple baselines, a diagnosis in "
    "words, the report.",
    "export": "Writes the ensemble with its schema into one folder: safetensors, JSON and the boosters' own formats, "
    "no pickle.",
}


def run(root: Path, *, key: str) -> None:
    """Explain one word; without one, list the stages."""
    if not key:
        for word, section in SECTIONS.items():
            print(f"  {word:10} {section.sentence}")
        print("\nMore:  espalier explain STAGE   or a key:  espalier explain search.pruner")
        return
    document = _document(root)
    found = find_key(key, "table" if document is None else document.kind)
    if found.owner is None:
        _explain_stage(root, found.field, found.kind, document)
    else:
        _explain_key(root, found, document)


def _explain_stage(root: Path, word: str, kind: str, document: Document | None) -> None:
    _say(f"{word}: {section_sentence(word, kind)}.")
    _say(DETAILS[word])
    print()
    spec = section_class(word, kind)
    written = document.values.get(word) if document is not None else None
    values = written if isinstance(written, dict) else {}
    for name in spec.model_fields:
        value = values.get(name, _default(spec, name, searched=False))
        shown = "" if form_of_field(spec, name).space is not None and not value else f" {write(value)}"
        print(f"  {word}.{name}:{shown}"[: WIDTH - 2])
        _say(sentence(spec, name), indent=6)
    print()
    print(f"  output    data/{word}/{'' if (root / 'data' / word).exists() else '   (not grown yet)'}")
    print(f"  file      pipelines/{word}.py, {spec.__module__.replace('.', '/')}.py")


def _explain_key(root: Path, key: Key, document: Document | None) -> None:
    assert key.owner is not None
    _say(f"{key.dotted}: {key.sentence}.")
    rest = str(key.owner.model_fields[key.field].description or "").partition(". ")[2]
    if rest:
        _say(rest)
    section = section_class(key.steps[0][1], key.kind) if key.owner is not TopSpec else TopSpec
    searched = key.steps[0][1] in KINDS[key.kind].searched
    searched = searched or any(form_of_field(section, word).space is not None for word in _below(key))
    print()
    _say(
        f"may be    {key.form.describe()}{'; here any value may also be a range' if searched else ''}",
        indent=2,
        hang=12,
    )
    width = max((len(kind) + 2 for kind in key.form.kinds), default=0)
    for kind, spec in key.form.kinds.items():
        fields = ", ".join(name for name in spec.model_fields if name != "kind")
        _say(f"{kind:{max(10, width)}}{_summary(spec)}{f' ({fields})' if fields else ''}", indent=12)
    info = key.owner.model_fields[key.field]
    if not info.is_required() and not (key.form.space is not None):
        print(f"  left out  {write(_default(key.owner, key.field, searched=searched))}")
    if document is not None:
        place, missing = place_of(document, key)
        if not missing:
            print(f"  here      {write(value_at(document, place))}   (params.yaml, line {document.marks[place].line})")
        else:
            print("  here      left out")
    _became(root, key)


def _became(root: Path, key: Key) -> None:
    """Say what auto became in the last run, and the rules that belong to single keys."""
    schema_file = root / "data" / "split" / "schema.json"
    schema = read_json(schema_file) if schema_file.exists() else None
    if key.dotted == "metric":
        from components.metrics import auto, optimisable

        for task in ("binary", "multiclass", "regression"):
            _say(f"{task:10}  {', '.join(optimisable(task))}", indent=2, hang=14)
        if schema is not None:
            print(f"  auto is   {auto(schema['task'])} here: a {schema['task']} task")
    elif key.dotted == "validate.task" and schema is not None:
        print(f"  auto is   {schema['task']} here")
    elif key.dotted == "seconds":
        _say("The rule. " + str(inspect.getdoc(budget)).partition("Everything here")[0].partition("\n\n")[2], indent=2)
    elif key.steps[0][1] in ("search", "boosting"):
        space = root / "data" / key.steps[0][1] / "space.yaml"
        if space.exists():
            print(f"  whole     {space.relative_to(root)} has the space of the last run")


def _document(root: Path) -> Document | None:
    try:
        return read_document(root)
    except UserMistake:  # no project here, or a torn one: settings can be explained all the same
        return None


def _default(spec: type[Spec], name: str, *, searched: bool) -> Any:
    info = spec.model_fields[name]
    if info.is_required():
        return "(must be given)"
    return left_out(spec, name) if searched else as_written(info.default)


def _below(key: Key) -> list[str]:
    """Return the field right below the section, when there is one."""
    if len(key.steps) < 2 or key.owner is TopSpec:
        return []
    return [key.steps[1][1]]


def _summary(spec: type[Spec]) -> str:
    return str(spec.model_fields["kind"].description) if kind_of(spec) is not None else ""


def _say(text: str, indent: int = 0, hang: int | None = None) -> None:
    lead = " " * indent
    rest = lead if hang is None else " " * hang
    print(textwrap.fill(text, WIDTH, initial_indent=lead, subsequent_indent=rest, break_on_hyphens=False))
