"""A stand-in for CUDA graphs on a processor: records the operations of one step, and repeats them on the same tensors.

What a step took from the host is baked into a tape as it is into a graph: a number read on the way, a branch, a tensor
made from a list. So a step that trains as well from a tape as by itself reads nothing but tensors that stay.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class _Noted(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, found))
        return found


class Tape:
    """`components.training.graph.Recorder`."""

    def __init__(self):
        self.replays = self.warmed = 0

    def warm(self, work):
        self.warmed += 1
        work()

    def record(self, work):
        noted = _Noted()
        with noted:
            work()
        return lambda: self._again(noted.calls)

    @torch.no_grad()
    def _again(self, calls):
        self.replays += 1
        for func, args, kwargs, before in calls:
            found = func(*args, **kwargs)
            for old, new in zip(tree_leaves(before), tree_leaves(found), strict=True):
                if isinstance(old, torch.Tensor) and isinstance(new, torch.Tensor) and not _shared(old, new):
                    old.copy_(new)


def _shared(one, other):
    """Whether two tensors lie in the same memory: views, and what was changed in place."""
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


class ByItself:
    """A recorder that records nothing: every step is made anew."""

    def warm(self, work):
        work()

    def record(self, work):
        work()
        return work
