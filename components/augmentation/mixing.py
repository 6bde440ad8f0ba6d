"""Mixup and cutmix: two pictures of a batch become one, and its label is shared between their two.

mixup   all pixels blended, share * own + (1 - share) * partner's (Zhang et al. 2018)
cutmix  a box is taken from the partner; share is what is left of the own picture (Yun et al. 2019)

The share comes from Beta(a, a) for each picture. With both on, each picture gets one of them by the toss of a coin.
Partners are a permutation of the row's own real pictures: never padding, never another network's batch. The loss is
share * loss(own label) + (1 - share) * loss(partner's): for cross-entropy that is the loss of the soft label itself.

Legend: K networks, B pictures of a batch, N = K B pictures, D channels, H W height and width.
"""

from dataclasses import dataclass

import numpy as np
import torch

from components.augmentation.cutout import boxes, inside
from components.augmentation.policy import ImagePolicy


@dataclass(frozen=True, kw_only=True)
class Partners:
    """What one row's batch is mixed with."""

    partner_B: torch.Tensor  # int64: position in the batch
    share_B: torch.Tensor  # float64: of the own picture and label; 1 is left alone
    blended_B: torch.Tensor  # bool: mixup; else cutmix
    box_B4: torch.Tensor | None  # int64: what cutmix takes from the partner; None when only mixup is on


def draw(
    policy: ImagePolicy, num_real: int, num: int, size: tuple[int, int], generator: torch.Generator
) -> Partners | None:
    """Return partners of `num` pictures, of which the first `num_real` are real; None when both techniques are off."""
    if not (policy.mixup or policy.cutmix):
        return None
    partner_B = torch.arange(num)
    partner_B[:num_real] = torch.randperm(num_real, generator=generator)
    random = np.random.default_rng(int(torch.randint(0, 2**62, (), generator=generator)))  # torch's Beta takes no seed
    blended_B = torch.full((num,), bool(policy.mixup))
    if policy.mixup and policy.cutmix:
        blended_B = torch.randint(0, 2, (num,), generator=generator).to(torch.bool)
    mixup_B, cutmix_B = _beta(policy.mixup, num, random), _beta(policy.cutmix, num, random)
    share_B, box_B4 = torch.where(blended_B, mixup_B, cutmix_B), None
    if policy.cutmix:
        box_B4 = boxes((1 - share_B).sqrt() * ~blended_B, size, generator)
        area_B = (box_B4[:, 1] - box_B4[:, 0]) * (box_B4[:, 3] - box_B4[:, 2])
        share_B = torch.where(blended_B, share_B, 1 - area_B / (size[0] * size[1]))
    share_B[num_real:] = 1.0
    return Partners(partner_B=partner_B, share_B=share_B, blended_B=blended_B, box_B4=box_B4)


def apply(
    pictures_NDHW: torch.Tensor,
    partner_N: torch.Tensor,
    share_N: torch.Tensor,
    blended_N: torch.Tensor,
    box_N4: torch.Tensor | None,
) -> torch.Tensor:
    """Return mixed pictures; `partner_N` are positions among all N, `share_N` of the pictures' type and on their device
    like the rest (see `Partners`)."""
    own_N111 = share_N.view(-1, 1, 1, 1)
    if box_N4 is not None:
        height, width = pictures_NDHW.shape[2:]
        kept_N1HW = (~inside(box_N4, (height, width))).to(pictures_NDHW.dtype)
        own_N111 = torch.where(blended_N.view(-1, 1, 1, 1), own_N111, kept_N1HW)
    return torch.lerp(pictures_NDHW.index_select(0, partner_N), pictures_NDHW, own_N111)


def _beta(strength: float, num: int, random: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(random.beta(strength, strength, num) if strength else np.ones(num))
