"""Metrics under many weights at once, for the bootstrap: a thousand drawings cost a few matrix products.

What is a mean over rows (log loss, Brier, squared and absolute errors) is a product of weights and losses. What is
judged at labels needs of each drawing the counts of true and called classes, a product with a sparse matrix. ROC AUC is
no mean over rows; from `LINEAR_FROM` rows of each side on, its first-order part is taken (the projection of Hájek;
DeLong et al. 1988 call the rows' shares structural components), which differs from the whole by less than the width of
an interval divided by the root of the rows. With fewer rows of some of many classes too: there the whole would take
minutes. It stands on the weight of each class being the same in all drawings.

Legend: K models, n rows, C classes, B drawings.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Metric
from components.metrics.confusion import OF_COUNTS
from components.metrics.log_loss import SMALLEST
from components.metrics.roc_auc import NO_ORDER

Floats = NDArray[np.float64]
OfWeights = Callable[[Floats], Floats]  # [B, n] -> [B, K]
LINEAR_FROM = 400  # rows of an event, and of the others
CALL, MOST_EXACT = 2500, 30_000  # what a call costs beside its rows, in model-rows; what a drawing may cost in all


def under_many(
    metrics: Sequence[Metric], truth_n: NDArray[Any], values_KnC: NDArray[np.float32]
) -> Callable[[Floats], dict[str, Floats]]:
    """Return what scores these rows under weights [B, n]: metric -> [B, K].

    A model with a value that is not finite has NaN.
    """
    labels = [metric.name for metric in metrics if metric.name in OF_COUNTS]
    counts_of = _counted(truth_n, values_KnC) if labels else None
    finite_K = np.isfinite(values_KnC).all(axis=(1, 2))
    others = {metric.name: _under_many(metric, truth_n, values_KnC) for metric in metrics if metric.name not in labels}

    def scored(weight_Bn: Floats) -> dict[str, Floats]:
        found = {name: of_weights(weight_Bn) for name, of_weights in others.items()}
        if counts_of is not None:
            counts = counts_of(weight_Bn)
            found |= {name: np.where(finite_K, OF_COUNTS[name](counts), np.nan) for name in labels}
        return found

    return scored


def _under_many(metric: Metric, truth_n: NDArray[Any], values_KnC: NDArray[np.float32]) -> OfWeights:
    if metric.name in ("mse", "rmse", "mae", "r2"):
        return _of_numbers(metric.name, truth_n.astype(np.float64), values_KnC[:, :, 0].astype(np.float64))
    if metric.name in ("log_loss", "brier"):
        return _mean_of(_losses(metric.name, truth_n, values_KnC))
    if metric.name == "roc_auc" and (_has_many(truth_n, values_KnC.shape[2]) or _is_long(values_KnC)):
        return _linear_auc(truth_n, values_KnC)
    if metric.name == "roc_auc":
        return _exact_auc(truth_n, values_KnC)
    one_by_one = metric.on(truth_n, values_KnC)
    return lambda weight_Bn: np.stack([one_by_one(weight_n) for weight_n in weight_Bn])


def _mean_of(loss_nK: Floats) -> OfWeights:
    return lambda weight_Bn: np.asarray(weight_Bn @ loss_nK / weight_Bn.sum(axis=1, keepdims=True))


def _losses(name: str, truth_n: NDArray[Any], values_KnC: NDArray[np.float32]) -> Floats:
    """Return what each row adds to the mean [n, K]."""
    num_classes = values_KnC.shape[2]
    if name == "log_loss":
        index_n = truth_n.astype(np.int64)
        given_Kn = np.take_along_axis(values_KnC, index_n[None, :, None], axis=2)[:, :, 0].astype(np.float64)
        return np.ascontiguousarray(-np.log(np.clip(given_Kn, SMALLEST, 1 - SMALLEST)).T)
    happened_nC = np.arange(num_classes) == truth_n[:, None]
    apart_Kn = np.stack([((values_nC.astype(np.float64) - happened_nC) ** 2).sum(axis=1) for values_nC in values_KnC])
    return np.ascontiguousarray(apart_Kn.T / (2 if num_classes == 2 else 1))


def _of_numbers(name: str, truth_n: Floats, values_Kn: Floats) -> OfWeights:
    error_nK = np.ascontiguousarray((values_Kn - truth_n).T)
    mean_of = _mean_of(np.abs(error_nK) if name == "mae" else error_nK**2)
    if name in ("mse", "mae"):
        return mean_of
    if name == "rmse":
        return lambda weight_Bn: np.sqrt(mean_of(weight_Bn))
    centred_n2 = np.column_stack([truth_n - truth_n.mean(), (truth_n - truth_n.mean()) ** 2])

    def r2(weight_Bn: Floats) -> Floats:
        left_BK, (mean_B, square_B) = mean_of(weight_Bn), _mean_of(centred_n2)(weight_Bn).T
        spread_B1 = (square_B - mean_B**2)[:, None]
        flat = spread_B1 <= 1e-15 * max(1e-300, float(centred_n2[:, 1].mean()))
        return np.where(flat, np.where(left_BK == 0, 1.0, 0.0), 1 - left_BK / np.where(flat, 1.0, spread_B1))

    return r2


def _counted(truth_n: NDArray[Any], values_KnC: NDArray[np.float32]) -> OfWeights:
    """Return weights [B, n] -> counts by true and called class [B, K, C, C]."""
    from scipy.sparse import csr_array

    num_models, num_rows, num_classes = values_KnC.shape
    called_nK = values_KnC.argmax(axis=2).T
    cell_nK = (np.arange(num_models) * num_classes + truth_n.astype(np.int64)[:, None]) * num_classes + called_nK
    starts = np.arange(0, num_rows * num_models + 1, num_models)
    shape = (num_rows, num_models * num_classes**2)
    counted = csr_array((np.ones(cell_nK.size), cell_nK.ravel(), starts), shape=shape).T.tocsr()
    return lambda weight_Bn: np.asarray(counted @ weight_Bn.T).T.reshape(-1, num_models, num_classes, num_classes)


def _has_many(truth_n: NDArray[Any], num_classes: int) -> bool:
    """Whether every class that occurs has enough rows, and enough others."""
    counts = np.bincount(truth_n.astype(np.int64), minlength=num_classes)
    present = counts[counts > 0]
    return bool(len(present) > 1 and min(present.min(), len(truth_n) - present.max()) >= LINEAR_FROM)


def _is_long(values_KnC: NDArray[np.float32]) -> bool:
    """Whether a thousand exact drawings would take more than a second or so."""
    num_models, num_rows, num_classes = values_KnC.shape
    return (1 if num_classes == 2 else num_classes) * (CALL + num_models * num_rows) > MOST_EXACT


def _exact_auc(truth_n: NDArray[Any], values_KnC: NDArray[np.float32]) -> OfWeights:
    """Take every pair of an event and another row: won 1, tied half; whole weights make these sums exact."""
    num_models, _, num_classes = values_KnC.shape
    events = [1] if num_classes == 2 else np.unique(truth_n).tolist()
    finite_K = np.isfinite(values_KnC).all(axis=(1, 2))

    def of_weights(weight_Bn: Floats) -> Floats:
        summed_BK, found_B1 = np.zeros((len(weight_Bn), num_models)), np.zeros((len(weight_Bn), 1))
        for event in events:
            is_event_n = truth_n == event
            event_Be, other_Bo = weight_Bn[:, is_event_n], weight_Bn[:, ~is_event_n]
            pairs_B1 = event_Be.sum(axis=1, keepdims=True) * other_Bo.sum(axis=1, keepdims=True)
            found_B1 += pairs_B1 > 0
            for k, scores_n in enumerate(values_KnC[:, :, event]):
                won_eo = _won(scores_n[is_event_n], scores_n[~is_event_n])
                won_B = np.einsum("bo,bo->b", event_Be @ won_eo, other_Bo)
                summed_BK[:, k] += won_B / np.where(pairs_B1 > 0, pairs_B1, 1.0)[:, 0]
        mean_BK = np.where(found_B1 > 0, summed_BK / np.maximum(found_B1, 1.0), NO_ORDER)
        return np.where(finite_K & (weight_Bn.sum(axis=1, keepdims=True) > 0), mean_BK, np.nan)

    return of_weights


def _won(events_e: NDArray[np.float32], others_o: NDArray[np.float32]) -> Floats:
    """Return whether each event has the larger score than each other row, half for a tie [e, o]."""
    return (events_e[:, None] > others_o).astype(np.float64) + (events_e[:, None] == others_o) / 2


def _linear_auc(truth_n: NDArray[Any], values_KnC: NDArray[np.float32]) -> OfWeights:
    num_classes = values_KnC.shape[2]
    present = np.unique(truth_n)
    events = [1] if num_classes == 2 else present.tolist()
    share_nK = np.zeros((len(truth_n), len(values_KnC)))
    auc_K = np.zeros(len(values_KnC))
    for event in events:
        is_event_n = truth_n == event
        for k, scores_n in enumerate(values_KnC[:, :, event]):
            auc, shares_n = _structural(scores_n, is_event_n)
            share_nK[:, k] += shares_n / len(events)
            auc_K[k] += auc / len(events)

    return lambda weight_Bn: np.asarray(weight_Bn @ share_nK - auc_K)


def _structural(scores_n: NDArray[np.float32], is_event_n: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Return the AUC, and for each row the share of the pairs that it wins, divided by the rows of its side [n]."""
    if not np.isfinite(scores_n).all():
        return np.nan, np.full(len(scores_n), np.nan)
    events, others = np.sort(scores_n[is_event_n]), np.sort(scores_n[~is_event_n])
    won_n = np.empty(len(scores_n))
    for mine, theirs, sign in ((is_event_n, others, 1.0), (~is_event_n, events, -1.0)):
        own = scores_n[mine]
        below, up_to = np.searchsorted(theirs, own, side="left"), np.searchsorted(theirs, own, side="right")
        share = (below + up_to) / (2 * len(theirs))
        won_n[mine] = (share if sign > 0 else 1 - share) / len(own)
    return float(won_n[is_event_n].sum()), won_n
