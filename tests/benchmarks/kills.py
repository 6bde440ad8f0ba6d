"""`python -m tests.benchmarks.kills`: a search of 200 networks on two workers, killed again and again, ends identical.

The search runs in a child process that gets SIGKILL at random moments, and is started again, until it is done: every
other child at any moment until its first outcome could be there, the ones between them after it, in the midst of trials
or of the writing of their outcomes. After each kill the outcomes on disk are noted: none may be gone, none may be
written a second time. In the end the out and the plans are compared byte by byte, the outcomes and the Optuna journal
trial by trial, with a search that nobody disturbed. The log goes to stdout, one line a kill, then one line of JSON.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from components.core.files import atomic_folder, hash_folder
from components.search.driver import run_search
from components.search.outcome_tables import write_search_out
from components.search.spec import SearchSettings
from components.training.evaluate import NetworkEvaluate
from components.training.spec import TrainingSpec
from components.training.structure import structure
from tests.benchmarks.search_case import plain_space, small_case

MIDST = 0.08  # until when a child dies after its first outcome: of what the undisturbed search took after its own
LOOK_SECONDS = 0.01
EPOCHS = 128


def grow(folder: Path, trials: int) -> None:
    """Search until it is done; whatever an earlier child left is found again."""
    table, folds, metric = small_case()
    space = plain_space(epochs=EPOCHS, widths=[128, 256])
    settings = SearchSettings(trials=trials, keep=4, start="none", score_folds=2)
    evaluate = NetworkEvaluate(table, metric, seed=0, cores=2, device="cpu", hang_seconds=300.0)
    result = run_search(
        space=space,
        settings=settings,
        evaluate=evaluate,
        folds=folds,
        num_rows=table.num_rows,
        study=folder / "study",
        seed=0,
        greater_is_better=metric.greater_is_better,
        structure=structure,
        steps=EPOCHS,
        times=lambda spec: (TrainingSpec.model_validate(spec["training"]).epochs, None),
    )
    with atomic_folder(folder / "out") as out:
        write_search_out(out, "search", result, space=space, settings=settings, table="", metric=metric.name)


def outcomes_of(folder: Path) -> dict[str, int]:
    """Return when each finished trial was written."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / "study").glob("outcomes*/*.json")}


def told_of(folder: Path) -> dict[str, object]:
    """Return what each trial became. How many were trained together is a note: a kill changes the groups."""
    found = {path.name: json.loads(path.read_text()) for path in (folder / "study").glob("outcomes*/*.json")}
    return {name: {word: value for word, value in one.items() if word != "notes"} for name, one in found.items()}


def journal_of(folder: Path) -> list[tuple[object, ...]]:
    """Return what the Optuna dashboard would show, less that note."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study" / "journal.log")))
    (found,) = storage.get_all_studies()
    trials = storage.get_all_trials(found._study_id)
    attributes = [{name: value for name, value in t.user_attrs.items() if name != "models_together"} for t in trials]
    return [
        (t.number, t.state.name, t.values, t.params, t.intermediate_values, own)
        for t, own in zip(trials, attributes, strict=True)
    ]


def run_child(folder: Path, trials: int, *, life: float | None, after_outcome: bool = False) -> bool:
    """Run a child for so many seconds (None: to its end), or so many after its first outcome; return whether it ended.

    Raises SystemExit where it fails by itself.
    """
    command = [sys.executable, "-m", "tests.benchmarks.kills", "--child", str(folder), "--trials", str(trials)]
    found = len(outcomes_of(folder))
    with subprocess.Popen(command) as child:
        while after_outcome and child.poll() is None and len(outcomes_of(folder)) == found:
            time.sleep(LOOK_SECONDS)
        try:
            status = child.wait(life)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            return False
    if status:
        raise SystemExit(f"the child failed with status {status}")
    return True


def main() -> None:
    """Grow twice, once under fire; compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", type=Path)
    arguments = parser.parse_args()
    if arguments.child:
        grow(arguments.child, arguments.trials)
        return
    moments = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as root:
        calm, killed = Path(root) / "calm", Path(root) / "killed"
        began = time.time()
        run_child(calm, arguments.trials, life=None)
        took, first = time.time() - began, min(outcomes_of(calm).values()) / 1e9 - began
        print(f"undisturbed: {took:.0f} s, {len(outcomes_of(calm))} trials, the first after {first:.1f} s", flush=True)
        kills, lost, repeated, before = 0, 0, 0, {}
        while True:
            midst = kills % 2 == 1
            life = moments.uniform(0, MIDST * (took - first) if midst else first)
            undisturbed = kills == arguments.kills
            ended = run_child(
                killed, arguments.trials, life=None if undisturbed else life, after_outcome=midst and not undisturbed
            )
            now = outcomes_of(killed)
            lost += len(before.keys() - now.keys())
            repeated += sum(now[name] != at for name, at in before.items() if name in now)
            if ended:
                break
            kills += 1
            where = "after its first outcome" if midst else "after its start"
            print(f"kill {kills:3} {life:5.2f} s {where}: {len(before):3} -> {len(now):3} trials", flush=True)
            before = now
        report = {
            "trials": len(outcomes_of(killed)),
            "kills": kills,
            "finished trials lost": lost,
            "finished trials trained twice": repeated,
            "identical out": hash_folder(killed / "out") == hash_folder(calm / "out"),
            "identical plans": hash_folder(killed / "study" / "plans") == hash_folder(calm / "study" / "plans"),
            "identical outcomes": told_of(killed) == told_of(calm),
            "identical journal": journal_of(killed) == journal_of(calm),
            "running in the journal": sum(trial[1] == "RUNNING" for trial in journal_of(killed)),
        }
        print(json.dumps(report))


if __name__ == "__main__":
    main()
