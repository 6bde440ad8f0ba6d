"""A folder that may not be written: every command says so in one sentence, those that only read go on."""

import pytest
from error_project import CAN_MOUNT, MOUNT, Project, in_own_mounts, stage

READ_ONLY = (
    f"{MOUNT.format(size='8m', folder='/mnt')} && cp -a . /mnt && mount -o remount,ro /mnt && cd /mnt || exit 99; "
)


@pytest.mark.skipif(not CAN_MOUNT, reason="no folder can be made read-only here (unshare -rm, mount)")
def test_a_read_only_project(project: Project) -> None:
    def read_only(*command: str) -> tuple[str, ...]:
        return in_own_mounts(READ_ONLY + " ".join(command))

    writing = [stage("split"), ("espalier", "run"), ("espalier", "set", "seed=3")]
    for said in project.refuse(*(read_only(*command) for command in writing)):
        assert "/mnt" in said.text
        assert "cannot be read or written: read-only file system." in said.words
        assert ".tmp" not in said.text
    (said,) = project.refuse(read_only("espalier", "check"), status=0)
    assert "no mistakes" in said.text
