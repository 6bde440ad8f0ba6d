"""The ten words: what each section of params.yaml says, and where its settings class lives.

A class is imported when its section is read, so that a stage loads its own family and no other. The classes of
`search` and `boosting` are put together beside this file (`search_section.py`, `boosting_section.py`), because only
`project` may know several families.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from components.core.specs import Spec


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


def section_class(word: str) -> type[Spec]:
    """Import and return the settings class of a section."""
    module, _, name = SECTIONS[word].spec.partition(":")
    found = getattr(importlib.import_module(module), name)
    assert issubclass(found, Spec), f"{SECTIONS[word].spec} is no Spec"
    return found
