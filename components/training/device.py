"""Where networks are trained, and why there: `device: auto | cpu | cuda` in params.yaml.

auto is the GPU where a driver and a torch that speaks to it are found, else the processor. torch, slow to import, is
asked only where there is a driver, and only in the search's own process; workers are told.
"""

from dataclasses import dataclass
from pathlib import Path

from components.core.errors import UserMistake

DRIVER = Path("/dev/nvidiactl")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A device and the reason for it."""

    device: str  # cpu | cuda
    why: str

    def __str__(self) -> str:
        return f"on {'the GPU' if self.device == 'cuda' else 'the processor'}: {self.why}"


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
