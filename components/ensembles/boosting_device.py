"""Where XGBoost grows: on a GPU where `device` allows it, there is a driver, and the installed XGBoost can use it.

LightGBM and CatBoost stay on the processor: LightGBM's wheel knows no CUDA, and CatBoost on a GPU cannot ask the clock.
Networks choose for themselves (`components/training/device.py`).
"""

from collections.abc import Sequence
from pathlib import Path

from components.core.errors import UserMistake
from components.ensembles.boosting_xgboost import has_gpu

DRIVER = Path("/dev/nvidiactl")
AT_A_TIME = 2  # boosters that share one GPU's memory


def choose(wanted: str, libraries: Sequence[str]) -> str:
    """Return cpu or cuda. Raises UserMistake where params.yaml wants a GPU and XGBoost cannot have it."""
    if wanted == "cpu" or "xgboost" not in libraries:
        return "cpu"
    if not DRIVER.exists():
        missing = "there is no NVIDIA driver here"
    elif not has_gpu():
        missing = "the installed XGBoost cannot use a GPU (pip install 'espalier-automl[gpu]' without [cpu])"
    else:
        return "cuda"
    if wanted == "cuda":
        raise UserMistake(f"params.yaml: device is cuda, and {missing}. Write device: auto, or cpu.")
    return "cpu"
