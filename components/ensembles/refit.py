"""A member of models of folds grows once more, on all train rows, and what grew answers in the folds' place.

The folds have said how good it is, and when it should stop; what they have not is the rows that judged them. One model
of all rows instead of three or five of a part each is mostly better, and that many times quicker and smaller. On a
small table chance makes much of a booster; there a few grow, and answer together. README, "What we tried", has the
measurements.

What was answered out of fold stays, because it judges the member. Boosters: `boosting_refit.py`; the others grow beside
their folds (`bagging.py`); networks: `components/training/refit.py`.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from components.core.member_files import NO_PREDICTIONS
from components.ensembles.fold_member import FoldMember, FoldModel, FoldPart
from components.ensembles.prepared import Prepared


def in_place_of_its_folds(member: FoldMember, prepared: Prepared, models: Sequence[FoldModel]) -> FoldMember:
    """Return the member with models of all rows alone, and the scores and predictions that its folds had."""
    parts = tuple(
        FoldPart(
            number=prepared.fold.number + number,
            preprocessor=prepared.preprocessor,
            model=model,
            oof=NO_PREDICTIONS if number else member.oof,
            score=float(np.mean(member.scores)),
        )
        for number, model in enumerate(models)
    )
    return replace(member, parts=parts, facts={**member.facts, "refit_rows": len(prepared.fold.fit_rows)})
