"""Where networks are trained, and why there: `device: auto | cpu | cuda` in params.yaml.

auto is the GPU where a driver and a torch that speaks to it are found, else the processor. torch, slow to import, is
asked only where there is a driver, and only in the search's own process; workers are told.

On a GPU one process trains all networks of one structure that memory has room for, at most 1024 folds at a time
(`room.py`), and makes their step as one CUDA graph (`graph.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import UserMistake

DRIVER = Path("/dev/nvidiactl")
MOST_ON_CUDA = 1024  # rows of one population


@dataclass(frozen=True, kw_only=True)
class Place:
    """A device and the reason for it."""

    device: str  # cpu | cuda
    why: str

    def __str__(self) -> str:
        return f"on {'the GPU' if self.device == 'cuda' else 'the processor'}: {self.why}"

    def line(self, precisions: Sequence[str], not_captured: str | None) -> str:
        """Return where and why, how networks are trained there, and what their `precision` is there.

        `not_captured`: why steps are no CUDA graphs.
        """
        if self.device == "cpu":
            here = {"tf32": "tf32 is float32 here", "bfloat16": "bfloat16 only rounds here"}
            return "; ".join([str(self), *(here[word] for word in precisions if word in here)])
        step = "CUDA graphs" if not_captured is None else f"made kernel by kernel, because {not_captured}"
        products = " or ".join(precisions) or "float32"
        return f"{self}; one process, networks of one structure together; steps are {step}; products in {products}"


def choose(wanted: str) -> Place:
    """Return where to train. Raises UserMistake where params.yaml wants a GPU that is not there."""
    if wanted == "cpu":
        return Place(device="cpu", why="params.yaml says device: cpu")
    missing = _missing()
    if missing is None:
        import torch

        return Place(device="cuda", why=f"{torch.cuda.get_device_name()} was found")
    if wanted == "cuda":
        raise UserMistake(f"params.yaml: device is cuda, and {missing}. Write device: auto, or cpu.")
    return Place(device="cpu", why=missing)


def _missing() -> str | None:
    """Return what a GPU lacks; None: nothing."""
    if not DRIVER.exists():
        return "there is no NVIDIA driver here"
    import torch

    if not torch.cuda.is_available():
        return f"torch {torch.__version__} finds no GPU, though there is a driver"
    return None


def make_ready(device: str) -> None:
    """Set a worker up: one thread; on a GPU products are float32's but where `precision` says tf32 (`products.py`)."""
    import torch

    torch.set_num_threads(1)
    if device == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
