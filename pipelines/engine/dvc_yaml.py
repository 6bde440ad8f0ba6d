"""The tree as DVC sees it, written from one table in two forms.

`project`: what `espalier init` writes. The code is installed, so one line of espalier.lock stands for it in every
stage. `repository`: this repository's own dvc.yaml. The code lies here, so every stage lists the folders that it
uses.

The words, their order and what each reads are in `TREE`; the stage child (`runner.py`) finds its ancestors there,
because importing DVC for it would cost a second in each of ten processes. A test holds the table, both forms and the
committed file together. `check` compares a project's file with this one (`ingest_deps`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from components.core.errors import UserMistake
from components.project.kinds import KINDS

Form = Literal["project", "repository"]
More = Mapping[str, tuple[str, ...]]
"""Word -> stages that it stands on beside those of `TREE`, because params.yaml says so (`kinds.more_inputs`)."""
NO_MORE: More = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One stage: its sentence, the stages whose outs it lists, the keys of params.yaml that it reads."""

    desc: str
    inputs: tuple[str, ...] = ()
    params: tuple[str, ...] = ()  # without its own section, which every stage reads
    outs: tuple[str, ...] = ()  # below data/<word>; empty: the folder itself
    metrics: str | None = None


TREE: Mapping[str, Entry] = MappingProxyType(
    {
        "ingest": Entry(desc="any source becomes one typed table"),
        "validate": Entry(desc="schema, findings, leakage", inputs=("ingest",)),
        "split": Entry(desc="train, test and folds as row ids", inputs=("validate",), params=("seed",)),
        "augment": Entry(desc="train rows plus made ones, each with its source", inputs=("split",), params=("seed",)),
        # DVC goes through the stages in this order: the quick branches first, so that search gets what they leave over.
        "bagging": Entry(
            desc="bagged forests and linear models", inputs=("augment",), params=("seconds", "seed", "metric")
        ),
        "boosting": Entry(desc="gradient-boosted trees", inputs=("augment",), params=("seconds", "seed", "metric")),
        "search": Entry(
            desc="neural networks, searched as populations",
            inputs=("augment",),
            params=("seconds", "seed", "metric"),
        ),
        "stacking": Entry(
            desc="one ensemble out of the members",
            inputs=("bagging", "boosting", "search"),
            params=("seed", "metric"),
        ),
        "evaluate": Entry(
            desc="scores on the test rows, diagnosis, report",
            inputs=("split", "stacking"),
            params=("seed", "metric"),
            outs=("plots", "report.html", "scores.json"),
            metrics="metrics.json",
        ),
        "export": Entry(desc="a folder that predicts raw rows anywhere", inputs=("stacking",)),
    }
)

PLOTS = """\
plots:
  - learning curves:
      x: epoch
      y:
        data/evaluate/plots/learning_curves.csv: [train, validation]
  - leaderboard:
      template: bar_horizontal
      x: score
      y:
        data/evaluate/plots/leaderboard.csv: member
  - search:
      template: scatter
      x: trial
      y:
        data/evaluate/plots/search_history.csv: score
  - confusion:
      template: confusion
      x: actual
      y:
        data/evaluate/plots/confusion.csv: predicted
  - calibration:
      x: predicted
      y:
        data/evaluate/plots/calibration.csv: observed
"""

HEADS: Mapping[Form, str] = MappingProxyType(
    {
        "project": (
            "# The tree as DVC sees it. Written by `espalier init`; what to grow is said in params.yaml, not here.\n"
        ),
        "repository": (
            "# The tree as DVC sees it; what to grow is said in params.yaml. Folders in deps are the code of a stage.\n"
            "# Written by pipelines/engine/dvc_yaml.py; a project of yours has espalier.lock in their place.\n"
        ),
    }
)


def inputs_of(word: str, more: More = NO_MORE) -> tuple[str, ...]:
    """Return the stages whose outs a stage lists."""
    return (*TREE[word].inputs, *more.get(word, ()))


def ancestors(word: str, more: More = NO_MORE) -> tuple[str, ...]:
    """Return all stages that `word` stands on, in the order of the tree."""
    found: set[str] = set()
    open_words = list(inputs_of(word, more))
    while open_words:
        one = open_words.pop()
        if one not in found:
            found.add(one)
            open_words.extend(inputs_of(one, more))
    return tuple(name for name in TREE if name in found)


def params_of(word: str, kind: str = "table") -> tuple[str, ...]:
    """Return the top-level keys of params.yaml that decide a stage, for a kind of data."""
    return (*TREE[word].params, *KINDS[kind].also.get(word, ()), word)


def ingest_deps(source: str) -> tuple[str, ...]:
    """Return what ingest depends on: the file or folder, the folder of a glob, nothing for an example.

    Raises:
        UserMistake: a glob that looks into the project's own folder or into data/, which hold the outs.
    """
    if source.startswith("example:"):
        return ()
    if not any(sign in source for sign in "*?["):
        return ("${ingest.source}",)
    parts = source.split("/")
    fixed = parts[: next(at for at, part in enumerate(parts) if any(sign in part for sign in "*?["))]
    folder = "/".join(fixed)
    if folder in ("", ".", "data"):
        raise UserMistake(
            f"ingest.source is {source}: a pattern may not look into the folder that holds the results. "
            f"Put the files into a folder of their own and write, for instance, raw/{parts[-1]}"
        )
    return (folder,)


def render(form: Form, source: str, kind: str = "table", more: More = NO_MORE) -> str:
    """Return the text of dvc.yaml for a project with this `ingest.source`, which holds data of this kind."""
    blocks = [_stage(form, word, entry, source, kind, more) for word, entry in TREE.items()]
    return HEADS[form] + "stages:\n" + "".join(blocks) + "\n" + PLOTS


def _stage(form: Form, word: str, entry: Entry, source: str, kind: str, more: More) -> str:
    deps = list(ingest_deps(source)) if word == "ingest" else [f"data/{name}" for name in inputs_of(word, more)]
    params = list(params_of(word, kind))
    if form == "repository":
        from components.project.lock import stage_folders

        deps += stage_folders(word, (KINDS[kind].above[word].place.partition(":")[0],) if word in more else ())
    else:
        params.append(f"espalier.lock: [{word}]")
    outs = [f"data/{word}/{name}" for name in entry.outs] or [f"data/{word}"]
    # exec: the shell that DVC starts becomes the stage; dash would stay between them, and a signal would kill it alone
    lines = [f"  {word}:", f"    desc: {entry.desc}", f"    cmd: exec python -P -m pipelines {word}"]
    lines += _list("deps", deps) + _list("params", params)
    if entry.metrics is not None:
        lines += ["    metrics:", f"      - data/{word}/{entry.metrics}:", "          cache: false"]
    return "\n".join(lines + _list("outs", outs)) + "\n"


def _list(key: str, items: Sequence[str]) -> list[str]:
    return [f"    {key}:", *(f"      - {item}" for item in items)] if items else []
