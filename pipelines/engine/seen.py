"""What boosting and bagging of pictures see where they say `features: embedding`: the best network of data/search.

The function that reads it is named in the table of kinds, so that a stage which does not ask for it has no code of
networks among its own.
"""

from typing import TYPE_CHECKING

from components.project.kinds import KINDS, load
from pipelines.engine.stage import Stage
from pipelines.engine.train_rows import TrainRows

if TYPE_CHECKING:
    from components.project.embedding import FoldEmbeddings


def embeddings_for(stage: Stage, train_rows: TrainRows) -> "FoldEmbeddings | None":
    """Return each fold's embedding, or None where the stage's models see pixels or columns.

    Raises UserMistake when the search kept no network that has all folds.
    """
    asked = KINDS[stage.kind].above.get(stage.word)
    if asked is None or getattr(stage.spec, asked.setting) != asked.value:
        return None
    folds = [fold.number for fold in train_rows.folds]
    found: FoldEmbeddings = load(asked.place)(stage.input(asked.stage), stage.word, folds, stage.cores)
    return found
