"""How far a search fools itself: the best validation score against what a choice made without the fold would have got.

Choosing the best of many by a score makes that score too good: the more candidates, the luckier the best one. So the
choice is made anew without each fold and judged on that fold (nested selection; Varma and Simon 2006; on predictions
that are there already, as in Tsamardinos et al. 2018): it costs nothing, because every trial has a score on each fold.
The distance between both is the optimism of the search. For the ensemble `stacking` does the same, the way of combining
and the best member included, and writes it into stacking.json.

Legend: T trials, S folds.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.evaluation.material import Material, Searched


def honesty_of(material: Material, *, greater_is_better: bool) -> dict[str, Any]:
    """Return the form of scores.json `honesty`: {"nested", "best_validation", "optimism", "searches"}.

    Optimism is in units of the metric; above 0 the search has fooled itself, whatever the metric.
    """
    sign = 1.0 if greater_is_better else -1.0
    stacked = material.stacking
    seen = [sign * stacked["score"], *(sign * one["score"] for one in stacked["members"])]
    seen += [sign * score for found in material.searches.values() for score in _complete(found).mean(axis=1)]
    best, nested = max(seen), stacked["nested"]["score"] if len(stacked["folds"]) > 1 else None
    return {
        "nested": None if nested is None else round(nested, 6),
        "nested_folds": [round(one, 6) for one in stacked["nested"]["fold_scores"]] if nested is not None else [],
        "best_validation": round(sign * best, 6),
        "optimism": None if nested is None else round(best - sign * nested, 6),
        "searches": {
            word: found
            for word, searched in material.searches.items()
            if (found := _nested(_complete(searched), sign)) is not None
        },
    }


def _complete(searched: Searched) -> NDArray[np.float64]:
    """Return the scores of the complete trials that were judged on as many folds as the first of them [T, S]."""
    found = [one.fold_scores for one in searched.trials if one.state == "complete" and one.fold_scores]
    most = max((len(one) for one in found), default=0)
    same = [one for one in found if len(one) == most]
    return np.array(same, dtype=np.float64) if same else np.zeros((0, 1))


def _nested(scores_TS: NDArray[np.float64], sign: float) -> dict[str, Any] | None:
    """Choose without each fold, judge on it; None where there is nothing to choose, or one fold."""
    num_trials, num_folds = scores_TS.shape
    if num_trials < 2 or num_folds < 2:
        return None
    turned_TS = sign * scores_TS
    without_TS = (turned_TS.sum(axis=1, keepdims=True) - turned_TS) / (num_folds - 1)
    nested = float(turned_TS[without_TS.argmax(axis=0), np.arange(num_folds)].mean())
    best = float(turned_TS.mean(axis=1).max())
    return {
        "trials": num_trials,
        "best_validation": round(sign * best, 6),
        "nested": round(sign * nested, 6),
        "optimism": round(best - nested, 6),
    }
