"""params.yaml, read once: four keys above ten sections, and each section as settings of its own class.

`read_params` judges what every stage needs (the words, the four keys); `section` judges one section and imports only
its family. `check.py` judges everything at once. How a value is judged is in `reading.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from components.core.errors import Mistake, Mistakes, UserMistake, did_you_mean
from components.core.specs import Spec, setting
from components.project.documents import Document, Place, parse
from components.project.forms import form_of_field
from components.project.kinds import KINDS
from components.project.reading import Reader
from components.project.searched_section import searched_section
from components.project.sections import SECTIONS, section_class
from components.project.written import plain_of

FILE = "params.yaml"


class TopSpec(Spec):
    """The four keys above the sections."""

    seconds: Annotated[float, Field(gt=0)] | Literal["none"] = setting(
        600, "for the whole tree; none = until the trials are done"
    )
    seed: int = setting(0, "same seed, data and machine: the same bytes", ge=0, le=2**32 - 1)
    metric: str = setting("auto", "auto = roc_auc for two classes, log_loss for more, rmse for numbers")
    device: Literal["auto", "cpu", "cuda"] = setting(
        "auto", "cpu | cuda; where to run, not what to grow: changing it reruns nothing"
    )


@dataclass(frozen=True, kw_only=True)
class Params:
    """One reading of params.yaml. `document.text` is exactly what was read: the runner compares it at the end."""

    root: Path
    document: Document
    top: TopSpec

    @property
    def values(self) -> Mapping[str, Any]:
        """The file as plain values; an empty section is {}."""
        return self.document.values

    @property
    def seconds(self) -> float | None:
        """The budget of the whole tree, or None."""
        return None if self.top.seconds == "none" else float(self.top.seconds)


def read_document(root: Path) -> Document:
    """Read the file, whatever it says. Raises `UserMistake` when there is none, `Mistakes` when it is no YAML."""
    file = root / FILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserMistake(
            f"There is no {FILE} in {root}. Go to your project's folder, or start one:\n"
            "    espalier init --data SOURCE --target COLUMN"
        ) from None
    except UnicodeDecodeError as error:
        raise UserMistake(f"{FILE} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from None
    return parse(text, FILE, root)


def read_params(root: Path) -> Params:
    """Read params.yaml and judge the words and the four keys. Raises `Mistakes`; sections are judged by `section`."""
    document = read_document(root)
    reader = Reader()
    top = read_top(document, reader)
    raise_found(document, reader)
    assert top is not None
    return Params(root=root, document=document, top=top)


def section(params: Params, word: str) -> Spec:
    """Return the settings of one stage. Raises `Mistakes` with all that is wrong in its section, and only there."""
    reader = Reader()
    settings = read_section(params.document, word, reader)
    raise_found(params.document, reader)
    assert settings is not None
    return settings


def read_top(document: Document, reader: Reader) -> TopSpec | None:
    """Judge the keys at the top; mistakes go to the reader."""
    top = {key: value for key, value in document.values.items() if key in TopSpec.model_fields}
    known = [*TopSpec.model_fields, *SECTIONS]
    for key in document.values:
        if key not in known:
            reader.wrong(
                (key,), (key,), "is not a key.", did_you_mean(key, known) or f"The keys are {', '.join(known)}."
            )
    for key in ("seconds", "seed", "metric"):
        if key not in document.values:
            line = f"{key}: {TopSpec.model_fields[key].default}"
            reader.wrong((), (key,), "is missing.", f"Add the line:  {line}")
    meant = [did_you_mean(key, known) for key in document.values if key not in known]
    for word in SECTIONS:
        if word not in document.values and not any(f"'{word}'" in near for near in meant):
            reader.wrong((), (word,), "is missing: the section of a stage.", f"Add the line:  {word}: {{}}")
    found = _settings(TopSpec, top, (), reader)
    assert found is None or isinstance(found, TopSpec)
    return found


def read_section(document: Document, word: str, reader: Reader) -> Spec | None:
    """Judge one section; mistakes go to the reader."""
    value = document.values.get(word, {})
    if value is None or value == "none":
        value = {}
    if not isinstance(value, Mapping):
        reader.wrong((word,), (word,), "is a section: it holds keys, not a value.", f"Write  {word}: {{}}")
        return None
    spec = section_class(word, document.kind)
    if word in KINDS[document.kind].searched:
        return searched_section(spec, value, (word,), reader)
    return _settings(spec, value, (word,), reader)


def raise_found(document: Document, reader: Reader) -> None:
    """Raise what a reader found, in the order of the file."""
    mistakes = placed(document, reader)
    if mistakes:
        raise Mistakes(FILE, mistakes)


def placed(document: Document, reader: Reader) -> list[Mistake]:
    """Return what a reader found with its lines, in the order of the file."""
    marked = [(document.nearest(at), mistake) for at, mistake in reader.found]
    marked.sort(key=lambda pair: (pair[0] is None, pair[0].key_start if pair[0] is not None else 0))
    return [replace(mistake, line=None if mark is None else mark.line) for mark, mistake in marked]


def _settings(spec: type[Spec], value: Mapping[str, Any], at: Place, reader: Reader) -> Spec | None:
    before = len(reader.found)
    names = tuple(str(part) for part in at)
    group = reader.group(spec, value, at, names, searched=False)
    if len(reader.found) > before:
        return None
    spaces = {name for name in group.fields if name in value and _is_space(spec, name)}
    plain = {name: value[name] if name in spaces else plain_of(node) for name, node in group.fields.items()}
    return reader.last_word(spec, plain, at, names)


def _is_space(spec: type[Spec], name: str) -> bool:
    return form_of_field(spec, name).space is not None
