"""One seed, and a tree of independent streams below it, addressed by words and numbers. There is no global seed.

`derive(0, "search", 17, "fold", 3)` is the same number on every machine and in every order of calls, so a model gets
its own randomness whatever is trained beside it. (Idea: jax.random.fold_in.)
"""

import hashlib

import numpy as np


def derive(seed: int, *path: str | int) -> int:
    """Return a number in [0, 2**63) for this place of the tree."""
    text = "/".join([str(seed), *(f"{type(step).__name__}:{step}" for step in path)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """Return numpy's generator for this place of the tree."""
    return np.random.Generator(np.random.PCG64(derive(seed, *path)))
