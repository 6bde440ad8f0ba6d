"""A full disk is nobody's mistake: exit status 1, one message, and what was there before is there again."""

import errno
import os

import pytest
from error_project import CAN_MOUNT, MOUNT, Project, in_own_mounts, rows, stage, table

pytestmark = pytest.mark.skipif(not CAN_MOUNT, reason="no small disk can be mounted here (unshare -rm, tmpfs)")


def on_small_disk(project: Project, size: str, folder: str, *command: str) -> tuple[str, ...]:
    """A command with `folder` on a disk of its own, which is gone afterwards; at the end it lists what lies there."""
    script = f"""
        cp -a {folder} ../saved && {MOUNT.format(size=size, folder=folder)} && cp -a ../saved/. {folder}/ || exit 99
        {" ".join(command)}
        status=$?
        find {folder} -path '*tmp*' -o -name .espalier -prune -o -type f -print | sed 's/^/left: /'
        exit $status
    """
    return in_own_mounts(script)


def test_no_room_for_an_out(project: Project) -> None:
    project.write(table(*rows(20_000)))
    (said,) = project.refuse(on_small_disk(project, "120k", "data", *stage("ingest")), status=1)
    assert said.words.count("disk full:") == 1, said.text
    assert "while writing" in said.words
    assert "Free some space and run again." in said.words
    left = [line for line in said.text.splitlines() if line.startswith("left: ")]
    assert "left: data/ingest/table.parquet" in left
    assert not any("tmp" in line for line in left)
    assert len(left) == len([content for content in project.outs().values() if content])


def test_no_room_left_at_all(project: Project) -> None:
    """Not even for a lock, a line of the ledger or an event."""
    full = f"{MOUNT.format(size='2m', folder='/mnt')} && cp -a . /mnt && cd /mnt && dd if=/dev/zero of=fill bs=1k;"
    commands = (stage("validate"), ("espalier", "set", "seed=3"), ("espalier", "run"))
    for said in project.refuse(*(in_own_mounts(f"{full} {' '.join(command)}") for command in commands), status=1):
        assert "disk full: 0.0 MB left in /mnt" in said.words
        assert "Free some space and run again." in said.words


def test_dvc_lock_is_as_before_when_dvc_has_no_room_to_write_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.core.errors import DiskFullError
    from pipelines.engine import dvc_graph

    def no_room(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    stages = "stages: {one: {cmd: echo 1 > one.txt, outs: [one.txt]}, two: {cmd: echo 2 > two.txt, outs: [two.txt]}}\n"
    project.write(stages, "dvc.yaml")
    monkeypatch.chdir(project.root)
    assert dvc_graph.grow_stage(project.root, "one", force=False, environment={})
    before = (project.root / "dvc.lock").read_bytes()
    monkeypatch.setattr("dvc.utils.serialize._yaml._dump", no_room)
    with pytest.raises(DiskFullError, match="Free some space and run again"):
        dvc_graph.grow_stage(project.root, "two", force=False, environment={})
    assert (project.root / "dvc.lock").read_bytes() == before
    assert not list((project.root / ".espalier").glob("dvc.lock*"))
