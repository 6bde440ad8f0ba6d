"""`features: embedding`: trees and lines on what the best network sees in a picture, each fold by its own network.

Only `project` may know both the networks and those who stand on them: the stage hands `FoldEmbeddings` to boosting and
bagging, which know it as a preprocessor for each fold, and `load_preprocessor` to whoever reads their members again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.core.contracts import JSON, Arrays, Preprocessor
from components.core.errors import UserMistake
from components.core.files import hash_folder, read_json
from components.data.preprocessing.pipeline import load


@dataclass(frozen=True, eq=False)
class FoldEmbeddings:
    """A `components.ensembles.prepared.ByFold`."""

    by_fold: Mapping[int, Preprocessor]
    digest: str  # of the network's folder

    def of_fold(self, number: int) -> Preprocessor:
        """Return the preprocessor of one fold, not yet fitted."""
        return self.by_fold[number]

    @staticmethod
    def load(arrays: Arrays, state: JSON) -> Preprocessor:
        """Return one that was fitted: `load_preprocessor`."""
        return load_preprocessor(arrays, state)


def fold_embeddings(search: Path, word: str, folds: Sequence[int], threads: int) -> FoldEmbeddings:
    """Read the best network of the out `search` that has all these folds; `word` is the section that asks.

    Raises:
        UserMistake: the search kept none.
    """
    from components.training.embedding import embeddings_of
    from components.training.member import load_network

    for name in read_json(search / "search.json")["members"]:
        folder = search / "members" / name
        found = embeddings_of(load_network(folder), folds, threads)
        if found is not None:
            return FoldEmbeddings(found, hash_folder(folder))
    raise UserMistake(
        f"{word}.features is embedding, but search kept no network that has all folds. "
        f"Give search more seconds or trials, or write {word}.features: pixels."
    )


def load_preprocessor(arrays: Arrays, state: JSON) -> Preprocessor:
    """Return the fitted preprocessor that its `state()` described, a network's embedding too."""
    if state["spec"]["kind"] == "embedding":
        from components.training.embedding import load_embedding

        return load_embedding(arrays, state)
    return load(arrays, state)
