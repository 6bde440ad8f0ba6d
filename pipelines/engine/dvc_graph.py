"""The only door to DVC: what is up to date and why not, grow one stage, check its last outs out again.

Only `dvc.api` is a stable promise and it has none of this, so DVC is pinned and every call is here. One `Repo` per
call: calls come from several threads, and a `Repo` remembers. DVC restores a stage from its run-cache or starts the
stage's own command as a child; while the child runs, DVC's lock is free for the other branches.
"""

import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.errors import DiskFullError, EspalierError, UserMistake
from components.core.files import refusals_are_clear

os.environ["DVC_NO_ANALYTICS"] = "1"


class StageFailedError(EspalierError):
    """A stage's command ended with an exit status other than 0; its own message is in the events."""

    def __init__(self, word: str, status: int) -> None:
        self.word = word
        self.status = status
        super().__init__(f"{word} failed: its process ended with status {status}")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One reason why a stage is not up to date."""

    what: str  # params.yaml | espalier.lock | data/split | customers.csv | dvc.yaml
    key: str = ""  # boosting.trials; empty when `what` is no params file
    old: Any = None
    new: Any = None
    how: str = "modified"  # modified | deleted | new | not in cache


@dataclass(frozen=True, kw_only=True)
class Step:
    """One stage of dvc.yaml, in the order in which DVC would grow it."""

    word: str
    upstream: tuple[str, ...]  # the stages whose outs it reads
    changes: tuple[Change, ...]  # its own; empty: up to date unless one upstream is not


def read_steps(root: Path) -> list[Step]:
    """Return all stages in order, each with what has changed since it last ran.

    Raises:
        UserMistake: the folder is no DVC project, or dvc.yaml cannot be read.
    """
    from dvc.repo.reproduce import get_active_graph, plan_repro

    with _repo(root) as repo, repo.lock:
        graph = get_active_graph(repo.index.graph)
        return [
            Step(
                word=stage.addressing,
                upstream=tuple(before.addressing for before in graph.successors(stage)),
                changes=tuple(_changes(stage)),
            )
            for stage in plan_repro(graph)
        ]


def grow_stage(root: Path, word: str, *, force: bool, environment: Mapping[str, str]) -> bool:
    """Bring one stage up to date; return whether anything had to be done. Blocks while its command runs.

    Raises:
        StageFailedError: the command failed.
        DiskFullError: DVC had no room to record what the command made; dvc.lock is as it was.
    """
    from dvc.exceptions import ReproductionError
    from dvc.stage.exceptions import StageCmdFailedError

    with _repo(root) as repo, _lock_as_before_on_a_full_disk(repo, word):
        try:
            return bool(repo.reproduce(word, single_item=True, force=force, run_env=dict(environment)))
        except ReproductionError as error:
            if isinstance(cause := error.__cause__, StageCmdFailedError):
                raise StageFailedError(word, _status_of(cause)) from error
            if isinstance(cause, OSError):
                with refusals_are_clear():
                    raise cause from None
            raise EspalierError(f"DVC could not grow {word}: {cause or error}") from error


def restore_outs(root: Path, word: str) -> bool:
    """Check the last good outs of a stage out of the cache again; return whether they are all there."""
    from dvc.exceptions import CheckoutError

    with _repo(root) as repo:
        try:
            repo.checkout(targets=[word], force=True)
        except CheckoutError:
            return False
    return True


def size_of_outs(root: Path, word: str) -> int:
    """Return the bytes of a stage's outs as DVC last recorded them."""
    with _repo(root) as repo, repo.lock:
        found = next(stage for stage in repo.index.stages if stage.addressing == word)
        return sum(out.meta.size or 0 for out in found.outs if out.meta is not None)


@contextmanager
def _lock_as_before_on_a_full_disk(repo: Any, word: str) -> Iterator[None]:
    """Undo a torn dvc.lock: DVC writes it in place, and with half of it no command could open the project any more.

    The copy is made while there is room, so that putting it back needs none.
    """
    root = Path(repo.root_dir)
    lock, copy = root / "dvc.lock", root / ".espalier" / f"dvc.lock.before_{word}"
    with repo.lock:
        if lock.exists():
            shutil.copyfile(lock, copy)
    try:
        yield
    except DiskFullError:
        if copy.exists():
            copy.replace(lock)
        else:
            lock.unlink(missing_ok=True)
        raise
    finally:
        copy.unlink(missing_ok=True)


@contextmanager
def _repo(root: Path) -> Iterator[Any]:
    """Open the project, with DVC's own voice off: what it says is said by us."""
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.repo import Repo

    for name in ("dvc", "dvc_data", "dvc_objects"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with refusals_are_clear(), Repo(str(root), _wait_for_lock=True) as repo:
            yield repo
    except NotDvcRepoError:
        raise UserMistake(f"{root} is no DVC project. Run there: git init && dvc init") from None
    except DvcException as error:
        torn = " Take dvc.lock back from git, or delete it: what the cache still has comes from there."
        said = _sentence(error)
        raise UserMistake(f"DVC: {said}{torn if 'dvc.lock' in said else ''}") from error


def _changes(stage: Any) -> Iterator[Change]:
    """Read DVC's status of one stage; params are compared key by key."""
    from dvc.dependency.param import ParamsDependency

    if not any(out.hash_info for out in stage.outs):  # dvc.lock has no entry of it: all else is a consequence
        yield Change(what="dvc.yaml", how="new")
        return
    if stage.changed_stage():
        yield Change(what="dvc.yaml")
    for dependency in stage.deps:
        status = dependency.status()
        if not status:
            continue
        if isinstance(dependency, ParamsDependency):
            old = dependency.hash_info.value if dependency.hash_info else {}
            yield from _params_changes(str(dependency), old or {}, dependency.read_params())
        else:
            yield from (Change(what=what, how=str(how)) for what, how in status.items())
    for out in stage.outs:
        yield from (Change(what=what, how=str(how)) for what, how in out.status().items())


def _params_changes(file: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = dict(_flat(old)), dict(_flat(new))
    for key in dict.fromkeys([*before, *after]):
        if before.get(key, _flat) != after.get(key, _flat):
            how = "new" if key not in before else "deleted" if key not in after else "modified"
            yield Change(what=file, key=key, old=before.get(key), new=after.get(key), how=how)


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        name = f"{above}.{key}" if above else str(key)
        if isinstance(value, Mapping) and value:
            yield from _flat(value, name)
        elif value != {} or above:
            yield name, value


def _status_of(error: Exception) -> int:
    """Read the exit status; DVC keeps it in the sentence alone."""
    last = str(error).rsplit(" ", 1)[-1]
    return int(last) if last.lstrip("-").isdigit() else 1


def _sentence(error: Exception) -> str:
    causes, cause = [str(error)], error.__cause__
    while cause is not None:
        causes.append(str(cause))
        cause = cause.__cause__
    return ": ".join(dict.fromkeys(cause.rstrip(".") for cause in causes if cause)) + "."
