"""`.espalier/runs/<time>/`: what one run leaves to look at (events, output); the newest twenty are kept."""

import os
import shutil
import time
from pathlib import Path

KEEP = 20


def new_run_folder(root: Path) -> Path:
    """Make the folder of a new run; its name is the run's id. Call it with the run's lock held."""
    runs = root / ".espalier" / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    for old in sorted(path for path in runs.iterdir() if path.is_dir())[: 1 - KEEP]:
        shutil.rmtree(old, ignore_errors=True)
    folder = runs / f"{time.strftime('%Y-%m-%d-%H%M%S')}-{os.getpid()}"
    folder.mkdir()
    return folder
