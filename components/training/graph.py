"""CUDA graphs: a step is captured once, and replayed as one call, whatever number of kernels it has.

A captured step does the same to the same memory again. So all that it reads must lie in tensors that stay where they
are, which of them is this step's is told by a counter on the device, and nothing may be asked on the way: that is
`StaticStep` (`static_step.py`). A replay then says nothing but "again".

A population's first steps are made kernel by kernel: libraries take their memory in them, and a capture takes about as
long as some steps, so that a short life without one is quicker. What cannot be captured goes on so to its end, and the
place where networks are trained says why (`device.py`).
"""

from collections.abc import Callable
from typing import Protocol

import torch

STEPS_BEFORE = 16  # an estimate, not measured

Work = Callable[[], None]


class Recorder(Protocol):
    """Makes a step so that it can be repeated."""

    def warm(self, work: Work) -> None:
        """Make a step as it is."""
        ...

    def record(self, work: Work) -> Work:
        """Make a step; return what makes it again, reading and writing the same tensors."""
        ...


class CudaGraphs:
    """CUDA's own recorder. Its steps share the memory that is theirs for a moment: one runs at a time."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def warm(self, work: Work) -> None:
        """See `Recorder`: beside the main stream, as CUDA wants it before a capture."""
        main = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(main)
        with torch.cuda.stream(self._stream):
            work()
        main.wait_stream(self._stream)

    def record(self, work: Work) -> Work:
        """See `Recorder`. A capture makes nothing; the first replay does."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            work()
        graph.replay()
        return graph.replay


class Replayed:
    """Steps of a few forms, each recorded by itself: full batches, and those with padding."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._made = {False: 0, True: 0}
        self._recorded: dict[bool, Work] = {}
        self.eager: str | None = None  # why steps cannot be recorded; None: they can, as far as was tried

    def step(self, work: Work, *, padded: bool) -> None:
        """Make a step of this form. `work` makes it, and reads nothing on the host; it is not kept, nor what it holds:
        of a population that has grown smaller nothing may stay in memory."""
        again = self._recorded.get(padded)
        if again is not None:
            again()
        elif self.eager is None and self._made[padded] >= STEPS_BEFORE:
            self._record(work, padded)
        else:
            self._recorder.warm(work)
            self._made[padded] += 1

    def _record(self, work: Work, padded: bool) -> None:
        try:
            self._recorded[padded] = self._recorder.record(work)
        except torch.OutOfMemoryError:
            raise  # fewer rows help, other steps do not
        except RuntimeError as error:
            self.eager = (str(error).strip() or repr(error)).splitlines()[0]
            self._recorder.warm(work)


def recorder_on(device: torch.device) -> Recorder | None:
    """Return what records steps on a device; None: a processor, where a call costs little, and rows move one by one."""
    return CudaGraphs(device) if device.type == "cuda" else None
