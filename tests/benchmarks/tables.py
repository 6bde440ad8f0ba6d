"""Espalier against the peers on tables: `python -m tests.benchmarks.tables --data DIR --peers FILE`; JSON on stdout.

Every table is cut as the peers' were: scikit-learn's train_test_split, 20 %, seed 0, stratified for classes. The
project holds the other 80 % alone and says `split: {test: 0}`, so that it may use all that the peers had; the test rows
are answered by `espalier predict` and scored here. Everything else is as `espalier init` writes it.

A run of ours is tied with a peer where the scores differ by less than the bootstrap standard error of our own. A line
of progress goes to stderr after each run, and `--runs FILE` keeps them, so that a benchmark of hours can be cut short
and gone on with.

    --tables NAME ...     those in the peers' file by default; a table lies in DIR as NAME.csv.gz or NAME.csv
    --target NAME=COLUMN  where the target is not the last column
    --set KEY=VALUE       a line of params.yaml for all runs: for ablations
    --keep FOLDER         leave each project there, with its test rows: for `tests.benchmarks.ablation`
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from sklearn.model_selection import train_test_split

from components.metrics import get
from components.metrics.registry import Score

ESPALIER = [sys.executable, "-P", "-m", "pipelines"]
METRIC_OF = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
RESAMPLES = 500


class Watch:
    """The largest memory (bytes, of a process and all it started) seen while it ran."""

    def __init__(self, process: psutil.Process) -> None:
        self.most = 0
        self._process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.3):
            total = 0
            for process in [self._process, *self._children()]:
                try:
                    memory = process.memory_full_info()
                    total += memory.pss
                except psutil.Error:
                    continue
            self.most = max(self.most, total)

    def _children(self) -> list[psutil.Process]:
        try:
            return self._process.children(recursive=True)
        except psutil.Error:
            return []


def do(folder: Path, *words: str) -> tuple[float, int]:
    """Run a command of ours to its end; return wall seconds and peak bytes. Raises with what it printed."""
    began = time.perf_counter()
    with (folder.parent / "log.txt").open("w+") as log:
        process = subprocess.Popen([*ESPALIER, *words], cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        with Watch(psutil.Process(process.pid)) as watch:
            status = process.wait()
        took = time.perf_counter() - began
        log.seek(0)
        if status not in (0, 3):
            raise RuntimeError(f"espalier {' '.join(words)}: status {status}\n{log.read()[-3000:]}")
    return took, watch.most


def read(folder: Path, name: str) -> pd.DataFrame:
    """Return a table as text and numbers stand in its file."""
    path = next(path for path in (folder / f"{name}.csv.gz", folder / f"{name}.csv") if path.exists())
    return pd.read_csv(path)


def scored(metric: Score, truth_n: np.ndarray, values_nC: np.ndarray) -> tuple[float, float]:
    """Return the score and its bootstrap standard error."""
    rng = np.random.default_rng(0)
    score_of = metric.on(truth_n, values_nC[None])
    drawn = [
        np.bincount(rng.integers(len(truth_n), size=len(truth_n)), minlength=len(truth_n)) for _ in range(RESAMPLES)
    ]
    found = np.array([score_of(weight_n.astype(np.float64))[0] for weight_n in drawn])
    return float(metric(truth_n, values_nC[None])[0]), float(np.nanstd(found))


def answers(frame: pd.DataFrame, task: str, truth: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return truth as class numbers or values, and what was predicted [n, C]."""
    if task == "regression":
        return truth.to_numpy(np.float64), frame[["prediction"]].to_numpy(np.float32)
    names = [name for name in frame.columns if name.startswith("probability_")]
    classes = [name.removeprefix("probability_") for name in names]
    numbers = {label: number for number, label in enumerate(classes)}
    return truth.astype(str).map(numbers).to_numpy(), frame[names].to_numpy(np.float32)


def run(frame: pd.DataFrame, case: dict[str, Any], settings: list[str], keep: Path | None) -> dict[str, Any]:
    """Grow one tree and score it; `keep`: where its project is left."""
    task, target = case["task"], case["target"]
    train, test = train_test_split(
        frame, test_size=0.2, random_state=0, stratify=None if task == "regression" else frame[target]
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        root.mkdir()
        train.to_csv(root.parent / "train.csv", index=False)
        test.drop(columns=target).to_csv(root.parent / "test.csv", index=False)
        words = ["--data", "../train.csv", "--target", target, "--seconds", str(case["seconds"])]
        do(root, "init", ".", *words)
        do(root, "set", f"seed={case['seed']}", "split.test=0", *settings)
        wall, memory = do(root, "run")
        predict_s, _ = do(root, "predict", "../test.csv", "-o", "../scored.csv")
        do(root, "down")
        stacking = json.loads((root / "data/stacking/stacking.json").read_text())
        ledger = [json.loads(line) for line in (root / ".espalier/ledger.jsonl").read_text().splitlines()]
        truth_n, values_nC = answers(pd.read_csv(root.parent / "scored.csv"), task, test[target].reset_index(drop=True))
        score, error = scored(get(METRIC_OF[task]), truth_n, values_nC)
        files = [path.stat().st_size for path in (root / "data/export").rglob("*") if path.is_file()]
        if keep is not None:
            place = keep / f"{case['table']}-{case['seed']}"
            np.save(root.parent / "truth.npy", truth_n)
            shutil.copytree(root.parent, place, dirs_exist_ok=True, symlinks=True)
        return {
            **case,
            "metric": METRIC_OF[task],
            "score": score,
            "standard_error": error,
            "wall_s": wall,
            "memory_gb": memory / 1e9,
            "size_mb": sum(files) / 1e6,
            "predict_command_s": predict_s,
            "test_rows": len(test),
            "method": stacking["method"],
            "fold_score": stacking["score"],
            "members": [[m["name"], round(m["score"], 5), round(m["weight"], 3)] for m in stacking["members"]],
            "stages_s": {line["stage"]: round(line["work_seconds"], 1) for line in ledger},
            "load": os.getloadavg()[0],
        }


def compared(runs: list[dict[str, Any]], peers: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a line for each table: mean of our seeds, each peer, our place, and our rank, where ties are equal."""
    lines = []
    for name in dict.fromkeys(run["table"] for run in runs):
        mine = [run for run in runs if run["table"] == name]
        score, error = (float(np.mean([run[key] for run in mine])) for key in ("score", "standard_error"))
        theirs = {row.system: float(row.score) for row in peers[peers.table == name].itertuples()}
        sign = 1.0 if get(mine[0]["metric"]).greater_is_better else -1.0
        ahead = [system for system, other in theirs.items() if sign * (other - score) > 0]
        beyond = [system for system in ahead if sign * (theirs[system] - score) > error]
        lines.append(
            {
                "table": name,
                "metric": mine[0]["metric"],
                "seeds": len(mine),
                "ours": score,
                "standard_error": error,
                **theirs,
                "place": 1 + len(ahead),
                "rank": 1 + len(beyond),
                "best_or_tied": not beyond,
                "wall_s": max(run["wall_s"] for run in mine),
                "memory_gb": max(run["memory_gb"] for run in mine),
                "size_mb": max(run["size_mb"] for run in mine),
            }
        )
    return lines


def main() -> None:
    """Run every table with every seed, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/tabular"))
    parser.add_argument("--peers", type=Path, default=Path("../shared/reference/peers_dev.csv"))
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--target", action="append", default=[])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    peers = pd.read_csv(arguments.peers)
    targets = dict(pair.split("=", 1) for pair in arguments.target)
    runs = []
    if arguments.runs and arguments.runs.exists():
        runs = [json.loads(line) for line in arguments.runs.read_text().splitlines()]
    known = {(run["table"], run["seed"], run["seconds"]) for run in runs}
    for seed in arguments.seeds:
        for name in arguments.tables or list(dict.fromkeys(peers.table)):
            if (name, seed, arguments.seconds) in known:
                continue
            frame = read(arguments.data, name)
            task = str(peers[peers.table == name].task.iloc[0])
            case = {"table": name, "task": task, "target": targets.get(name, str(frame.columns[-1]))}
            found = run(frame, {**case, "seed": seed, "seconds": arguments.seconds}, arguments.settings, arguments.keep)
            runs.append(found)
            print(json.dumps({k: found[k] for k in ("table", "seed", "score", "wall_s", "memory_gb")}), file=sys.stderr)
            if arguments.runs:
                with arguments.runs.open("a") as file:
                    file.write(json.dumps(found) + "\n")
    print(json.dumps({"compared": compared(runs, peers), "runs": runs}, indent=1))


if __name__ == "__main__":
    main()
