"""How many rows of one structure train best together.

On CPU it is a question of the cache: together they should fill about half of the last level, 16 models of width 64, 4
of width 128, 1 or 2 of width 256 on the machine this was measured on; more are slower, not only useless.

Legend: K models, P floats of one, B rows of a batch.
"""

import functools
import os
from pathlib import Path

from components.networks.network import Network
from components.training.batches import Resident, batch_of, padded_batch
from components.training.spec import TrainingSpec

LAST_LEVEL = 32 * 1024**2  # bytes of cache, where the system does not say
SHARE = 0.5


def rows_that_fit(network: Network, training: TrainingSpec, resident: Resident) -> int:
    """Return K, at least 1."""
    batch = padded_batch(batch_of(training.batch_size, max(len(fit) for fit in resident.fit)))
    parameters = network.parameters.size * (3 + training.optimizer.num_states)
    widths = sum(row["shape"][-1] for row in network.table())
    activations = batch * (2 * widths + sum(resident.shape))
    return max(1, int(SHARE * last_level_cache() / (4 * (parameters + activations))))


@functools.cache
def last_level_cache() -> int:
    """Return the bytes of the largest cache of this machine."""
    sizes = []
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text().strip()
        factor = {"K": 1024, "M": 1024**2}.get(text[-1:], 1)
        sizes.append(int(text.rstrip("KM")) * factor)
    if not sizes and "SC_LEVEL3_CACHE_SIZE" in os.sysconf_names:
        sizes.append(os.sysconf("SC_LEVEL3_CACHE_SIZE"))
    return max(sizes, default=0) or LAST_LEVEL
