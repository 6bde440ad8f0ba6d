"""The life of one stage: `python -P -m pipelines <stage>`, started by DVC, whoever started DVC.

It reads params.yaml once, takes what it needs (the run's lock unless a run of ours holds it, leases on cores), checks
that what it stands on belongs together, lets the stage fill a new folder, and only then puts the folder into its
place. What was measured in seconds goes to the ledger, what was read to `.espalier/read/`; neither ever lies in an
out.

Heavy libraries are imported by the stage's own module; nothing here imports Prefect, DVC or typer.
"""

import contextlib
import importlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.core.errors import EspalierError, UserMistake
from components.core.files import atomic_folder, disk_full_is_clear, refusals_are_clear, write_json
from components.project.kinds import KINDS, more_inputs
from components.project.lock import code_hash
from components.project.params import Params, read_document, read_params, section
from pipelines.engine import chain, clock, ledger
from pipelines.engine.branch_time import Allowance, Attempt, allowance, read_values
from pipelines.engine.events import Teller
from pipelines.engine.installed import refuse_other_code
from pipelines.engine.locks import run_lock
from pipelines.engine.processes import Surroundings, die_with_parent
from pipelines.engine.source_deps import refuse_other_inputs, refuse_other_source
from pipelines.engine.stage import Progress, Stage
from pipelines.engine.words import BRANCHES


def stage_function(word: str) -> Callable[[Stage], str]:
    """Return the plain function of a stage: `pipelines.search.search`."""
    return getattr(importlib.import_module(f"pipelines.{word}"), word)


def main(word: str) -> int:
    """Run a stage of the project in the current folder; return the exit status."""
    status = run_stage(word, Path.cwd())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(
        status
    )  # all is written: taking the libraries down takes time, and a reading thread of pyarrow may abort it


def run_stage(word: str, root: Path) -> int:
    """Run one stage of the project at `root`; return the exit status. All errors of the user become one message."""
    around = Surroundings.read()
    die_with_parent(around.parent)
    teller = Teller(word, around.events)
    if around.folder is not None:
        _redirect_output(around.folder / f"{word}.log")
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(refusals_are_clear())
            if around.run is None:
                stack.enter_context(run_lock(root, f"dvc repro, stage {word}"))
            stop_file = stack.enter_context(_stopping(root, around))
            _Run(word=word, root=root, around=around, teller=teller, stop_file=stop_file).grow()
    except EspalierError as error:
        teller.tell("failed", text=str(error), status=error.exit_status)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    return 0


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One attempt at one stage."""

    word: str
    root: Path
    around: Surroundings
    teller: Teller
    stop_file: Path

    def grow(self) -> None:
        """Run the stage and close its out, or raise and leave none; either way the ledger gets its line."""
        began = time.time()
        params = read_params(self.root)
        more = more_inputs(params.document.values, params.document.kind)
        refuse_other_inputs(self.root, self.word, params.document.kind, more)
        if self.around.run is None:  # a run of ours has looked at all lines at once
            refuse_other_code(self.root, self.word)
        made_from = chain.read_made_from(self.root, self.word, more)
        attempt = Attempt(
            word=self.word,
            root=self.root,
            around=self.around,
            params=params,
            made_from=made_from,
            stop_file=self.stop_file,
        )
        earlier = clock.spent(self.root, self.word, attempt.key)
        self.teller.tell("begun", pid=os.getpid(), seconds=earlier.seconds)
        before, cores = time.monotonic(), self.around.cores
        try:
            with allowance(attempt) as allowed:
                began, before, cores = time.time(), time.monotonic(), allowed.cores
                text = self._fill(params, made_from, allowed, earlier.done)
        except EspalierError as error:
            self._note("failed", began, 0.0, self.around.cores, attempt.key, str(error))
            raise
        work_seconds = time.monotonic() - before
        stopped = self.word in BRANCHES and self.stop_file.exists()
        if not stopped:
            clock.forget(self.root, self.word)
        self._note("stopped" if stopped else "done", began, work_seconds, cores, attempt.key, text)
        self.teller.tell("stopped" if stopped else "done", text=text, seconds=work_seconds)

    def _fill(self, params: Params, made_from: dict[str, str], allowed: Allowance, earlier: int) -> str:
        """Call the stage's function on a new folder, and put the folder in place."""
        target = self.root / "data" / self.word
        for torn in target.parent.glob(f".{self.word}.*.tmp"):  # a killed attempt's
            shutil.rmtree(torn)
        settings: Any = section(params, self.word)

        def tell(progress: Progress) -> None:
            if progress.found is not None:
                progress = replace(progress, total=max(progress.found, earlier))
            allowed.spent.done = progress.done or allowed.spent.done
            self.teller.progress(progress)

        if self.word == "ingest":
            document = params.document
            more = more_inputs(document.values, document.kind)
            refuse_other_source(self.root, settings.source, document.kind, more)
        with atomic_folder(target) as out:
            stage = Stage(
                word=self.word,
                root=self.root,
                spec=settings,
                seed=params.top.seed,
                metric=params.top.metric,
                device=params.top.device,
                kind=params.document.kind,
                also={other: section(params, other) for other in KINDS[params.document.kind].also.get(self.word, ())},
                out=out,
                deadline=allowed.deadline,
                cores=allowed.cores,
                code=code_hash(self.word, self.root) if self.word in BRANCHES else "",
                made_from=made_from,
                tell=tell,
            )
            try:
                with disk_full_is_clear(out):
                    text = stage_function(self.word)(stage)
            except MemoryError as error:
                raise EspalierError(f"{self.word} needs more memory than there is.") from error
            if self.word != "evaluate":
                chain.write_out_record(out, self.word, made_from)
            read = read_values(params.document, self.word)
            if read_values(read_document(self.root), self.word) != read:
                raise UserMistake(
                    f"params.yaml was changed while {self.word} ran with the old one; what it made was thrown away. "
                    "Run again: trials that were finished are found again."
                )
            write_json(self.root / ".espalier" / "read" / f"{self.word}.json", read)
        return text

    def _note(self, state: ledger.State, began: float, work: float, cores: int, key: str, text: str) -> None:
        ledger.write_line(
            self.root,
            ledger.Line(
                run=self.around.run or "dvc",
                stage=self.word,
                state=state,
                began=began,
                seconds=time.time() - began,
                work_seconds=work,
                cores=cores,
                key=key,
                text=text,
            ),
        )


def _redirect_output(log: Path) -> None:
    """Let what libraries print go to a file: the terminal belongs to the run."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


@contextlib.contextmanager
def _stopping(root: Path, around: Surroundings) -> Iterator[Path]:
    """Yield the file whose existence means: finish with what there is.

    In a run of ours the run writes it, and Ctrl-C is not this process's business. Under bare `dvc repro` the first
    Ctrl-C writes it, the second ends the process.
    """
    if around.folder is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        yield around.folder / "stop"
        return
    stop_file = root / ".espalier" / "stop"
    stop_file.unlink(missing_ok=True)

    def on_interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop_file.touch()
        print("Finishing with what there is. Ctrl-C again stops at once.", file=sys.stderr, flush=True)

    signal.signal(signal.SIGINT, on_interrupt)
    yield stop_file
    stop_file.unlink(missing_ok=True)
