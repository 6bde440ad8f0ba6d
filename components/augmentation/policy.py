"""What pictures may be turned, shifted and coloured by while networks train: `augment` in params.yaml, for images.

One technique, one word, one magnitude; 0 or none is off, and any may be had together. The magnitude is the bound of a
uniform draw, made anew for every picture in every epoch. Here are only the words, so that reading them needs no torch:
    geometry.py   rotation, scaling, translation, shear, flip, crop: one sampling for all of them
    colour.py     brightness, contrast, saturation, hue: one matrix for all of them
    cutout.py     cutout
    mixing.py     mixup, cutmix: two pictures and their labels
    images.py     all of it on a batch;  copies.py  the same, written down once
"""

from typing import Literal, Self

from pydantic import model_validator

from components.core.specs import NONE, Spec, setting

Flip = Literal["none", "horizontal", "vertical", "both"]

GEOMETRY = ("rotation", "scaling", "translation", "shear", "crop")  # sampled; a flip alone needs no sampling
COLOUR = ("brightness", "contrast", "saturation", "hue")
MIXING = ("mixup", "cutmix")  # need a second picture, and make labels of two classes
TECHNIQUES = ("rotation", "scaling", "translation", "shear", "flip", "crop", *COLOUR, "cutout", *MIXING)


class ImagePolicy(Spec):
    """What is done to train pictures on the fly; 0 or none is off."""

    copies: int = setting(0, "more than 0 also writes them to data/augment", ge=0, le=100)
    rotation: float = setting(0.0, "degrees to either side", ge=0, le=180, allow_inf_nan=False)
    scaling: float = setting(0.0, "share smaller or larger, at most", ge=0, le=0.9, allow_inf_nan=False)
    translation: float = setting(0.0, "share of the side, along both sides", ge=0, le=0.9, allow_inf_nan=False)
    shear: float = setting(0.0, "slant to either side, as a share of the height", ge=0, le=1, allow_inf_nan=False)
    flip: Flip = setting("none", "horizontal | vertical | both, each for every second picture")
    crop: float = setting(0.0, "share of the side cut off, at most; the rest is enlarged", ge=0, le=0.9)
    brightness: float = setting(0.0, "share darker or brighter, at most", ge=0, le=1, allow_inf_nan=False)
    contrast: float = setting(0.0, "share less or more contrast, at most", ge=0, le=1, allow_inf_nan=False)
    saturation: float = setting(0.0, "share paler or stronger colours, at most; not for gray", ge=0, le=1)
    hue: float = setting(0.0, "share of the colour circle to either side; not for gray", ge=0, le=0.5)
    cutout: float = setting(0.0, "side of a square that is covered, as a share of the side", ge=0, le=1)
    mixup: float = setting(0.0, "a of Beta(a, a): how far two pictures and their labels are blended", ge=0, le=100)
    cutmix: float = setting(0.0, "a of Beta(a, a): how large a part comes from a second picture", ge=0, le=100)

    @model_validator(mode="after")
    def _copies_differ(self) -> Self:
        if self.copies and not set(self.techniques) - set(MIXING):
            mixed = f" ({' and '.join(self.techniques)} need two pictures and are never written)" * bool(
                self.techniques
            )
            raise ValueError(
                f"copies would only repeat the pictures{mixed}. Set a magnitude, for instance rotation: 10."
            )
        return self

    @property
    def techniques(self) -> tuple[str, ...]:
        """The techniques that are on, in the order of the settings."""
        return tuple(name for name in TECHNIQUES if getattr(self, name) not in (0.0, NONE))

    def only(self, *names: str) -> "ImagePolicy":
        """Return a policy with these techniques alone, and no copies."""
        return ImagePolicy(**{name: getattr(self, name) for name in names if name in self.techniques})
