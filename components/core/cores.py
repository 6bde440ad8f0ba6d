"""How many cores there are for this process."""

import contextlib
import os
from pathlib import Path


def num_cores() -> int:
    """Count the cores that this process may use: its affinity, and the quota of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            allowed = min(allowed, max(1, round(int(quota) / int(period))))
    return allowed
