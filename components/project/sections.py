"""The ten words: what each section of params.yaml says, and where its settings class lives.

A class is imported when its section is read, so that a stage loads its own family and no other. The classes of
`search` and `boosting` are put together beside this file (`search_section.py`, `boosting_section.py`), because only
`project` may know several families.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from components.core.specs import Spec
from components.project.kinds import KINDS, load


@dataclass(frozen=True, kw_only=True)
class Section:
    """One stage's word: its sentence (the comment in params.yaml, `desc` in dvc.yaml) and its settings class."""

    sentence: str
    spec: str  # module:Class


SECTIONS: Mapping[str, Section] = MappingProxyType(
    {
        "ingest": Section(
            sentence="any source becomes one typed table",
            spec="components.data.ingest:IngestSpec",
        ),
        "validate": Section(
            sentence="schema, findings, leakage: what is wrong is named before anything is trained",
            spec="components.data.validation:ValidateSpec",
        ),
        "split": Section(
            sentence="the test rows go to evaluate and nowhere else",
            spec="components.data.splits:SplitSpec",
        ),
        "augment": Section(
            sentence="rows made from train rows of the same fold",
            spec="components.augmentation.spec:AugmentSpec",
        ),
        "search": Section(
            sentence="neural networks, chosen by Optuna, trained as populations",
            spec="components.project.search_section:SearchSpec",
        ),
        "boosting": Section(
            sentence="gradient-boosted trees, tuned on the same folds",
            spec="components.project.boosting_section:BoostingSpec",
        ),
        "bagging": Section(
            sentence="averages of many simple models",
            spec="components.ensembles.bagging:BaggingSpec",
        ),
        "stacking": Section(
            sentence="one ensemble, never worse than its best member on the same folds",
            spec="components.ensembles.stacking:StackingSpec",
        ),
        "evaluate": Section(
            sentence="the only stage that sees the test rows",
            spec="components.evaluation.spec:EvaluateSpec",
        ),
        "export": Section(
            sentence="one folder that predicts raw rows anywhere",
            spec="components.serving.spec:ExportSpec",
        ),
    }
)


def section_class(word: str, kind: str = "table") -> type[Spec]:
    """Import and return the settings class of a section, for a kind of data (`kinds.py`)."""
    place = KINDS[kind].sections.get(word, SECTIONS[word].spec)
    found = load(place)
    assert issubclass(found, Spec), f"{place} is no Spec"
    return found


def section_sentence(word: str, kind: str = "table") -> str:
    """Return the comment behind the word of a section."""
    return KINDS[kind].sentences.get(word, SECTIONS[word].sentence)
