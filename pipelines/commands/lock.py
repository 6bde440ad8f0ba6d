"""`espalier lock`: write what is installed into espalier.lock, and say which stages that changes."""

from pathlib import Path

from components.core.errors import UserMistake
from components.project.lock import FILE, changed_stages, read_lock, write_lock
from components.project.params import read_document
from pipelines.engine.source_deps import DVC_FILE


def run(root: Path) -> None:
    """Write espalier.lock."""
    read_document(root)  # a project is a folder with params.yaml
    dvc_file = root / DVC_FILE
    if dvc_file.exists() and FILE not in dvc_file.read_text(encoding="utf-8"):
        print(f"{DVC_FILE} lists the folders of the code itself here; {FILE} is not needed.")
        return
    try:
        old = read_lock(root)
    except UserMistake:  # torn, or half of a merge: what it said is lost anyway
        old = None
    new = write_lock(root)
    changed = changed_stages(old, new) if old is not None else ()
    if old is None:
        print(f"Wrote {FILE}. Commit it.")
    elif changed:
        print(f"Wrote {FILE}. Changed, and to be run again: {', '.join(changed)}.")
    else:
        print(f"{FILE} is as it was: nothing has to run again.")
