"""Files and folders are whole or absent, and on the disk before they have their name."""

import errno
import os
import threading
from pathlib import Path

import pytest

from components.core import files
from components.core.errors import DiskFullError
from components.core.files import atomic_file, atomic_folder, write_json


@pytest.fixture
def synced(monkeypatch):
    """What was synced one by one."""
    found = []
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda number: (found.append(Path(f"/proc/self/fd/{number}").readlink().name), fsync(number))
    )
    return found


def test_a_file_is_synced_before_it_is_named(tmp_path, synced):
    with atomic_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("a")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "a"
    assert synced == [temporary.name]


def test_a_folder_is_synced_once_before_it_is_named(tmp_path, synced, monkeypatch):
    seen = []
    sync = files.sync
    monkeypatch.setattr(
        files,
        "sync",
        lambda folders: (seen.extend(sorted(path.name for path in one.iterdir()) for one in folders), sync(folders)),
    )
    with atomic_folder(tmp_path / "member") as new:
        write_json(new / "b.json", 1)
        write_json(new / "deep" / "c.json", 2)
        write_json(tmp_path / "beside.json", 3)
        assert not (tmp_path / "member").exists()
    assert seen == [["b.json", "deep"]]
    assert [path for path in synced if "beside" not in path] == []
    assert len(synced) == 1, "what lies beside the folder is synced by itself"
    write_json(tmp_path / "member" / "later.json", 4)
    assert len(synced) == 2, "so is what is added when the folder has its name"
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_folder_whose_caller_waits_for_the_disk_itself_is_only_named(tmp_path, synced, monkeypatch):
    monkeypatch.setattr(files.ctypes, "CDLL", lambda *_, **__: object())
    with atomic_folder(tmp_path / "member", synced=False) as new:
        write_json(new / "b.json", 1)
    assert synced == []
    files.sync([tmp_path / "member"])
    assert synced == ["b.json"]


def test_where_a_file_system_cannot_be_synced_alone_each_file_is(tmp_path, synced, monkeypatch):
    monkeypatch.setattr(files.ctypes, "CDLL", lambda *_, **__: object())
    with atomic_folder(tmp_path / "member") as new:
        write_json(new / "b.json", 1)
        write_json(new / "deep" / "c.json", 2)
    assert sorted(synced) == ["b.json", "c.json"]


def written(path, value, fails=False):
    with atomic_folder(path) as new:
        write_json(new / "b.json", value)
        assert new in files._unnamed
        if fails:
            raise RuntimeError("no")


def test_a_disk_that_is_full_at_the_last_moment_leaves_the_old_folder(tmp_path, monkeypatch):
    written(tmp_path / "member", "old")

    def full(*_):
        files.ctypes.set_errno(errno.ENOSPC)
        return -1

    monkeypatch.setattr(files.ctypes, "CDLL", lambda *_, **__: type("C", (), {"syncfs": staticmethod(full)}))
    with pytest.raises(DiskFullError, match=r"disk full: .* MB left .* while writing member"):
        written(tmp_path / "member", "new")
    assert files.read_json(tmp_path / "member" / "b.json") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["member"]


def test_what_fails_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="no"):
        written(tmp_path / "member", 1, fails=True)
    assert list(tmp_path.iterdir()) == []
    assert not files._unnamed


def test_a_folder_that_is_replaced_is_there_all_the_time(tmp_path):
    """Whoever is killed between deleting the old one and naming the new one would have lost both."""
    path, over, missing = tmp_path / "member", threading.Event(), []
    written(path, 0)

    def watch():
        while not over.is_set():
            if not os.path.exists(path / "b.json"):  # noqa: PTH110 - quicker: the moment is short
                missing.append(True)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        for number in range(1, 100):
            written(path, number)
            assert files.read_json(path / "b.json") == number
    finally:
        over.set()
        watching.join()
    assert not missing
    assert [one.name for one in tmp_path.iterdir()] == ["member"]


def test_where_folders_cannot_swap_names_the_new_one_replaces_the_old(tmp_path, monkeypatch):
    written(tmp_path / "member", "old")
    monkeypatch.setattr(files.ctypes, "CDLL", lambda *_, **__: object())
    written(tmp_path / "member", "new")
    assert files.read_json(tmp_path / "member" / "b.json") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["member"]
