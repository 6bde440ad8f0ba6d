"""`copies`: pictures as the policy changes them, written down once, for models that see no stream of batches.

Trees and linear models get made pictures as rows of their own. Techniques that need a second picture (mixup, cutmix)
make labels of two classes and are left out here. torch is loaded when pictures are made, not before.

Legend: n pictures, m = copies * n made ones, H W height and width, D channels.
"""

import numpy as np
from numpy.typing import NDArray

from components.augmentation.policy import MIXING, ImagePolicy

AT_ONCE = 256  # pictures: bounds memory


def made_pictures(
    policy: ImagePolicy,
    pictures_nHWD: NDArray[np.uint8],
    random: np.random.Generator,
    out_mHWD: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Return `policy.copies` changed copies of each picture, copy after copy [copies * n, H, W, D].

    `pictures_nHWD` may be memory-mapped; so may `out_mHWD`, into which they are written when it is given. Made picture
    m comes from picture m % n. `random` decides all draws.
    """
    import torch

    from components.augmentation.images import augment

    num = len(pictures_nHWD)
    shape = (policy.copies * num, *pictures_nHWD.shape[1:])
    out = np.empty(shape, dtype=np.uint8) if out_mHWD is None else out_mHWD
    assert out.shape == shape, f"room for {out.shape}, made pictures are {shape}"
    alone = policy.only(*(name for name in policy.techniques if name not in MIXING))
    generator = torch.Generator().manual_seed(int(random.integers(2**62)))
    for copy in range(policy.copies):
        for start in range(0, num, AT_ONCE):
            part = torch.from_numpy(np.array(pictures_nHWD[start : start + AT_ONCE]))
            x_1BHWD = part[None].to(torch.float32).div_(255.0)
            new_1BHWD, _ = augment(x_1BHWD, [alone], [len(part)], [generator])
            place = copy * num + start
            out[place : place + len(part)] = new_1BHWD[0].mul(255.0).round_().to(torch.uint8).numpy()
    return out
