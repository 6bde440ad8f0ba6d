"""Matrix products and convolutions: the one place where networks make them, so that their precision is one switch.

float32   as they are
tf32      the same; tensor cores of a GPU may leave out all but ten bits of a factor's fraction
bfloat16  both factors rounded to bfloat16 (seven bits), sums in float32, the result rounded to bfloat16. A GPU's tensor
          cores do it; elsewhere float32's kernels multiply the rounded numbers. That saves no time, but says what a GPU
          will make of it, and keeps what those kernels promise: the same bits whoever stands beside

Autograd rounds what comes back through a rounding, so products on the way back have rounded factors, too. Weights,
sums of biases, norms, losses and the optimizer never are rounded. A layer with one output is a sum and no product
(`blocks.py`), and stays float32.

The switch is the process's, not the thread's: on a GPU the way back is made in a thread of autograd's own.
"""

import contextlib
from collections.abc import Iterator

import torch
from torch.nn import functional


class _Switch:
    rounds = False


def rounds() -> bool:
    """Whether products are made in bfloat16 now."""
    return _Switch.rounds


@contextlib.contextmanager
def made_in(precision: str) -> Iterator[None]:
    """Make products in this precision: float32, tf32 or bfloat16."""
    if precision == "float32":
        yield
        return
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn  # of GPUs; no other device looks at them
    before = _Switch.rounds, matmul.allow_tf32, cudnn.allow_tf32
    _Switch.rounds = precision == "bfloat16"
    matmul.allow_tf32 = cudnn.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        _Switch.rounds, matmul.allow_tf32, cudnn.allow_tf32 = before


def factor(x: torch.Tensor) -> torch.Tensor:
    """Return what a product takes for x."""
    if not _Switch.rounds:
        return x
    rounded = x.to(torch.bfloat16)
    return rounded if x.is_cuda else rounded.to(x.dtype)


def whole(made: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return a product of factors as the rest of the network takes it, of this type."""
    return made.to(torch.bfloat16).to(dtype) if _Switch.rounds else made


def bmm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return K products of matrices."""
    return whole(torch.bmm(factor(a), factor(b)), a.dtype) if _Switch.rounds else torch.bmm(a, b)


def baddbmm(bias: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return K products of matrices, and a bias to each."""
    return bmm(a, b).add_(bias) if _Switch.rounds else torch.baddbmm(bias, a, b)


def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return products of matrices, as torch.matmul."""
    return whole(torch.matmul(factor(a), factor(b)), a.dtype) if _Switch.rounds else torch.matmul(a, b)


def conv2d(
    x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None, stride: int, padding: int, groups: int
) -> torch.Tensor:
    """Return a convolution, as torch's; its kernel sums in float32."""
    if not _Switch.rounds:
        return functional.conv2d(x, kernel, bias, stride, padding, groups=groups)
    made = whole(functional.conv2d(factor(x), factor(kernel), None, stride, padding, groups=groups), x.dtype)
    return made if bias is None else made + bias.view(-1, 1, 1)
