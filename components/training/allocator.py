"""Keep freed memory for the next step, instead of giving it back to the system after every one.

The tensors of a step are some hundred kilobytes each: glibc asks the system for them one by one, gives them back, and
every page is faulted in anew, which cost a sixth of a step at width 64. With these settings the second step finds the
memory of the first. Only glibc has them; elsewhere nothing is done.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # malloc.h
_MOST = 2**31 - 1
_LARGEST_MMAP_THRESHOLD = 32 * 1024**2  # more is refused
_PAD = 64 * 1024**2


def keep_freed_memory() -> None:
    """Tell this process's allocator; called once in a worker."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for name, value in ((_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD), (_TRIM_THRESHOLD, _MOST), (_TOP_PAD, _PAD)):
            mallopt(name, value)
