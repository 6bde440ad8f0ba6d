"""How many rows of one structure train best together.

On CPU it is a question of the cache: together they should fill about half of the last level: 28 models of width 64,
10 of width 128 on the machine this was measured on. Half as many make 5 to 15 % fewer steps a second, each call being
shared by fewer; twice as many are no faster. Two worker processes that fill half of the cache each are slowed by it
less than by smaller stacks. The folds of one candidate go together even where they are larger: measured at width 256,
that is no slower.

A server of many cores has a last level that is large, far away and shared by all of them, and a virtual machine of two
cores is told the whole of it: where 480 MiB were reported, stacks of 240 MiB made a fifth fewer steps than those of 16
to 24 MiB, which were the quickest at every width. So more than `LARGEST_LEVEL` is not believed.

On CUDA it is a question of how much there is to do at a time, and of memory.

Legend: K models.
"""

import functools
import os
from pathlib import Path

import torch

from components.training.device import MOST_ON_CUDA
from components.training.memory import Need

LAST_LEVEL = 32 * 1024**2  # bytes of cache, where the system does not say
LARGEST_LEVEL = 40 * 1024**2  # what we count of it at most
SHARE_OF_CACHE = 0.5
SHARE_OF_DEVICE = 0.8  # of what is free: optimizers and the cuda library take some beside


def rows_that_fit(need: Need, device: torch.device, num_folds: int) -> int:
    """Return K, at least 1."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return max(1, min(MOST_ON_CUDA, int((SHARE_OF_DEVICE * free - need.fixed) / need.per_row)))
    return max(num_folds, int(SHARE_OF_CACHE * last_level_cache() / need.per_row))


@functools.cache
def last_level_cache() -> int:
    """Return the bytes of the largest cache of this machine, at most `LARGEST_LEVEL`."""
    sizes = []
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text().strip()
        factor = {"K": 1024, "M": 1024**2}.get(text[-1:], 1)
        sizes.append(int(text.rstrip("KM")) * factor)
    if not sizes and "SC_LEVEL3_CACHE_SIZE" in os.sysconf_names:
        sizes.append(os.sysconf("SC_LEVEL3_CACHE_SIZE"))
    return min(max(sizes, default=0) or LAST_LEVEL, LARGEST_LEVEL)
