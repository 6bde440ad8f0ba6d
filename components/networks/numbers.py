"""How a measured number of a table enters a network: as it is, or as some numbers made of it, column by column.

plain      as it is
periodic   waves of it and a linear map of them, beside it (PBLD of RealMLP, Holzmüller 2024; waves: Gorishniy 2022)
piecewise  how far it has come through each of the bins between quantiles of the fold's own fit rows, and a linear map
           with ReLU of that, beside it (piecewise linear encoding, Gorishniy 2022)

A network of smooth layers learns steps and bends of a single column slowly; trees see them at once. These close most
of the gap. The arithmetic is in `number_maps.py`.

Legend: K models, B rows, n rows of a sample, N numbers of a row, H waves or bins of one, O numbers made of one.
"""

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import field_validator

from components.core.lazy import lazy
from components.core.specs import Spec, setting
from components.networks.plan import Begin, Plan, Sample
from components.networks.store import ALIGNMENT, aligned

if TYPE_CHECKING:
    import torch

    from components.networks import number_maps
    from components.networks.network import Views
else:
    torch = lazy("torch")
    number_maps = lazy("components.networks.number_maps")

PERIODIC_RATE = 0.1  # what the maps of `periodic` learn at, of the learning rate (RealMLP)


class Plain(Spec):
    """Numbers as they are."""

    per_row: ClassVar[frozenset[str]] = frozenset()

    kind: Literal["plain"] = setting("plain", "as it is")

    @property
    def made(self) -> int:
        """O, numbers made of one beside itself."""
        return 0


class Periodic(Spec):
    """Waves of numbers."""

    per_row: ClassVar[frozenset[str]] = frozenset({"sigma"})

    kind: Literal["periodic"] = setting("periodic", "waves of it, mixed, beside itself (as in RealMLP)")
    sigma: float = setting(0.1, "deviation of the first frequencies: larger sees finer steps", gt=0, le=1000)
    waves: int = setting(16, "waves of one number, rounded up to a multiple of 16", ge=1, le=256)
    size: int = setting(4, "numbers that enter for one, itself among them", ge=2, le=64)

    @property
    def made(self) -> int:
        """See `Plain`."""
        return self.size - 1


class Piecewise(Spec):
    """Bins of numbers."""

    per_row: ClassVar[frozenset[str]] = frozenset()

    kind: Literal["piecewise"] = setting("piecewise", "how far it has come through bins of the fit rows, mixed")
    bins: int = setting(32, "bins of one number, with as many fit rows each; up to a multiple of 16", ge=2, le=256)
    size: int = setting(8, "numbers that enter for one, itself among them", ge=2, le=64)

    @property
    def made(self) -> int:
        """See `Plain`."""
        return self.size - 1


Numbers = Plain | Periodic | Piecewise


class TakesNumbers:
    """For settings classes with a field `numbers`: a word stands for a class with its defaults."""

    @field_validator("numbers", mode="before", check_fields=False)
    @classmethod
    def _word_is_kind(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value


class NumberMaps:
    """What is made of the N numbers of a row."""

    def __init__(self, spec: Numbers, count: int, plan: Plan) -> None:
        """Lay the tensors into a plan, under "numbers."."""
        self.spec = spec
        self.count = count  # N
        self.made = spec.made  # O; 0: nothing is made
        if isinstance(spec, Plain) or not count:
            self.made = 0
            return
        periodic = isinstance(spec, Periodic)
        # whole cache lines: a model gets the same bits alone and in a stack (see `blocks.py`)
        self._inner = aligned(spec.waves if isinstance(spec, Periodic) else spec.bins, ALIGNMENT)  # H
        held = 1 / PERIODIC_RATE if periodic else 1.0
        each = (count, self._inner)
        numbers = 0
        if periodic:
            numbers += plan.vector("numbers.frequency", each, begins=self._frequencies)
            numbers += plan.vector("numbers.phase", each, begins=self._uniform(each, math.pi * held))
        else:
            plan.measured("numbers.bins", (2, *each), self._bins)
        limit = held / math.sqrt(self._inner)
        shape = (count, self.made, self._inner)
        numbers += plan.weight("numbers.weight", shape, begins=self._uniform(shape, limit))
        numbers += plan.vector("numbers.bias", shape[:2], begins=self._uniform(shape[:2], limit))
        plan.cost += math.prod(shape)
        plan.row(f"numbers: {spec.kind}", [count, count * spec.size], numbers)

    def of(self, parameters: "Views", buffers: "Views", x_KNB: "torch.Tensor") -> "torch.Tensor":
        """Return what is made of the numbers of rows [K, N, O, B]; rows are the last axis, which is the long one."""
        parts = [parameters[f"numbers.{name}"] for name in ("weight", "bias")]
        if isinstance(self.spec, Periodic):
            waves = [parameters[f"numbers.{name}"] for name in ("frequency", "phase")]
            frequency, phase, weight, bias = (part * PERIODIC_RATE for part in [*waves, *parts])
            return number_maps.periodic(x_KNB, frequency * (2 * math.pi), phase, weight, bias)
        edge, slope = buffers["numbers.bins"].unbind(1)
        return number_maps.piecewise(x_KNB, edge, slope, *parts)

    @staticmethod
    def _uniform(shape: tuple[int, ...], limit: float) -> Begin:
        def begin(spec: Any, generator: "torch.Generator", sample_nF: Sample) -> "torch.Tensor":
            return (torch.rand(shape, generator=generator) * 2 - 1) * limit

        return begin

    def _frequencies(self, spec: Any, generator: "torch.Generator", sample_nF: Sample) -> "torch.Tensor":
        return torch.randn(self.count, self._inner, generator=generator) * (spec.numbers.sigma / PERIODIC_RATE)

    def _bins(self, spec: Any, generator: "torch.Generator", sample_nF: Sample) -> "torch.Tensor":
        assert sample_nF is not None, "numbers are those of a table, and a table has fit rows"
        return torch.stack(number_maps.bins(sample_nF[:, : self.count], self._inner))
