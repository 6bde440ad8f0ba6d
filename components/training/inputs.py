"""What a fitted preprocessor makes of rows, as a network takes it: float32 [n, *shape].

Training gathers the same from a resident matrix (`batches.py`); this is for prediction, of new rows too.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.contracts import Features, Preprocessor
from components.core.table import IMAGE, Table
from components.data.preprocessing.images import WHITE, ImagePreprocessor
from components.networks.network import Inputs

FLOATS_AT_ONCE = 2**22  # of one fold's inputs in one forward pass
ROWS_AT_ONCE = 4096


def rows_at_once(shape: tuple[int, ...]) -> int:
    """Return how many rows of this shape are predicted in one go."""
    return max(1, min(ROWS_AT_ONCE, FLOATS_AT_ONCE // max(1, int(np.prod(shape)))))


def one_matrix(features: Features) -> NDArray[np.float32]:
    """Return the columns of a table as a network takes them, in the order that `Inputs` says: [n, F].

    Codes are whole numbers below 2**24: as float32 they are exact.
    """
    if not features.names_G:
        return features.numeric_NF
    return np.concatenate([features.numeric_NF, features.codes_NG.astype(np.float32)], axis=1)


def inputs_of(features: Features) -> Inputs:
    """Return what a network must know of these columns."""
    columns = len(features.names_F) + len(features.names_G)
    return Inputs(shape=(columns,), codes=features.num_codes_G, numbers=features.num_numbers)


def network_inputs(preprocessor: Preprocessor, table: Table, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return the inputs of some rows: standardised pictures, or the columns of a table."""
    features = preprocessor.transform(table, rows)
    if not isinstance(preprocessor, ImagePreprocessor):
        return one_matrix(features)
    assert preprocessor.centre_D is not None, "fit comes first"
    assert preprocessor.width_D is not None
    shares = features.arrays[IMAGE].astype(np.float32) / np.float32(WHITE)
    return (shares - preprocessor.centre_D.astype(np.float32)) / preprocessor.width_D.astype(np.float32)
