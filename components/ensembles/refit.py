"""A member of models of folds grows once more, on all train rows, and that one model answers in the folds' place.

The folds have said how good it is, and when it should stop; what they have not is the rows that judged them. One model
of all rows instead of three or five of a part each is mostly better, and that many times quicker and smaller: README,
"What we tried", has the measurements. Where noise is most of the error the mean of the folds is better by a little.

What was answered out of fold stays, because it judges the member. Boosters: `boosting_refit.py`; the others grow beside
their folds (`bagging.py`); networks: `components/training/refit.py`.
"""

from dataclasses import replace

import numpy as np

from components.ensembles.fold_member import FoldMember, FoldModel, FoldPart
from components.ensembles.prepared import Prepared


def in_place_of_its_folds(member: FoldMember, prepared: Prepared, model: FoldModel) -> FoldMember:
    """Return the member with the model of all rows alone, and the scores and predictions that its folds had."""
    part = FoldPart(
        number=prepared.fold.number,
        preprocessor=prepared.preprocessor,
        model=model,
        oof=member.oof,
        score=float(np.mean(member.scores)),
    )
    return replace(member, parts=(part,), facts={**member.facts, "refit_rows": len(prepared.fold.fit_rows)})
