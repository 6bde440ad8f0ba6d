"""Files of rows at rest: one for all that rest together, written over an older one that nobody needs any more.

New pages of a file cost three times what is written into them, and a process has as much to lay down at every rung. So
a file has a name for each candidate whose rows lie in it (hard links), and one of the process that wrote it, which
takes it again when that name is the last. Nobody waits for the disk: a new call begins without resting files.

The format is safetensors, written here piece by piece, because the library makes a new file each time.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from components.core.files import disk_full_is_clear
from components.training.paused import State

_CODES = {
    torch.float64: "F64",
    torch.int64: "I64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.uint8: "U8",
}  # of safetensors


def write(state: State, paths: Sequence[Path]) -> None:
    """Write a state under all of these names, of one folder; what had them before loses them. Raises DiskFullError."""
    file = _free(paths[0].parent)
    with disk_full_is_clear(paths[0]):
        with file.open("r+b" if file.exists() else "wb") as out:
            for piece in _pieces(state):
                out.write(piece)
            out.truncate()
        for path in paths:
            path.unlink(missing_ok=True)  # of a worker that died here
            try:
                path.hardlink_to(file)
            except OSError:  # a disk whose files have one name each
                shutil.copyfile(file, path)


def read(paths: Sequence[Path]) -> Iterator[State]:
    """Yield the states that lie below these names, each once; what is taken of them must be copied."""
    from safetensors.torch import load_file

    for path in {path.stat().st_ino: path for path in paths}.values():
        yield load_file(path)


def _free(folder: Path) -> Path:
    """Return the name of a file of this process that has no other name, or a new one."""
    own = [entry for entry in os.scandir(folder) if entry.name.startswith(f".{os.getpid()}-")]
    free = (Path(entry) for entry in own if entry.stat().st_nlink == 1)
    return next(free, folder / f".{os.getpid()}-{len(own)}")


def _pieces(state: State) -> Iterator[bytes | memoryview]:
    """Yield what a file holds: its header, then the tensors, the widest numbers first, so that all are aligned."""
    parts = sorted(state.items(), key=lambda item: -item[1].element_size())
    header, end = {}, 0
    for name, part in parts:
        begin, end = end, end + part.nbytes
        header[name] = {"dtype": _CODES[part.dtype], "shape": list(part.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little")
    yield text
    for _, part in parts:
        yield part.contiguous().view(-1).numpy().data.cast("B")
