"""`python -m tests.benchmarks.search`: our search against plain Optuna + PyTorch with the same space and seconds.

A synthetic table of 20 000 rows and 30 columns, two classes: 60 % fit, 20 % validate, 20 % test. Both sides search
plain networks (two to four layers, AdamW; `search_case.plain_space`) by TPE for the same seconds on both cores, and are
judged on the test rows by the log loss of their best network and of the average of their best eight.

    ours    populations on worker processes, successive halving, one validation part
    plain   one trial at a time: nn.Sequential, DataLoader, AdamW with its defaults, cosine, early stopping,
            MedianPruner; torch has all cores

Runs alternate over seeds. JSON on stdout: configurations a second and losses of each run, the median ratio, means, and
what a trial costs in Optuna (ask, tell, journal). What checkpoints cost is in `checkpoints.py`.

`--generation 48` plans more trials at once than the default 16: they have six structures, and judged on one part a
structure has two or three networks of 16, which is a small population.
"""

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NUM_ROWS, NUM_COLUMNS, EPOCHS = 20_000, 30, 64
WIDTHS = [64, 128]
BEST = 8


def parts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows that fit, validate and test."""
    cuts = [NUM_ROWS * 3 // 5, NUM_ROWS * 4 // 5]
    return tuple(np.split(np.arange(NUM_ROWS), cuts))  # the rows are drawn independently


def log_loss(truth_n: np.ndarray, probability_nC: np.ndarray) -> float:
    """Return the mean negative logarithm of what was given to the truth."""
    picked = np.clip(probability_nC[np.arange(len(truth_n)), truth_n], 1e-7, 1.0)
    return float(-np.log(picked).mean())


def judged(truth_n: np.ndarray, best_first: list[np.ndarray]) -> dict[str, float]:
    """Return the test losses of the best and of the average of the best eight; of guessing, when there is none."""
    best_first = best_first or [np.full((len(truth_n), 2), 0.5)]
    return {
        "best": log_loss(truth_n, best_first[0]),
        "best_eight": log_loss(truth_n, np.mean(best_first[:BEST], axis=0)),
    }


def ours(frame: pd.DataFrame, seconds: float, seed: int, cores: int, generation: int) -> dict[str, Any]:
    """Search with populations."""
    from components.core.contracts import Fold
    from components.core.deadlines import Deadline
    from components.metrics import get
    from components.search.driver import run_search
    from components.search.spec import SearchSettings
    from components.training.evaluate import NetworkEvaluate
    from components.training.member import load_network
    from components.training.structure import structure
    from tests.benchmarks.search_case import plain_space, table_of

    table = table_of(frame, "sha256:synthetic")
    fit, validate, test = parts()
    folds = [Fold(number=0, fit_rows=fit, score_rows=validate)]
    evaluate = NetworkEvaluate(table, get("log_loss"), seed=seed, cores=cores, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        result = run_search(
            space=plain_space(EPOCHS, WIDTHS),
            settings=SearchSettings(start="none", keep=BEST, generation=generation),
            evaluate=evaluate,
            folds=folds,
            num_rows=NUM_ROWS,
            study=Path(folder) / "study",
            seed=seed,
            greater_is_better=False,
            structure=structure,
            steps=EPOCHS,
            times=lambda spec: (EPOCHS, None),
            deadline=Deadline.after(seconds),
        )
        took = time.monotonic() - began
        predictions = [load_network(kept.folder).predict(table, test) for kept in result.kept]
    truth_n = table.target()[test]
    done = len(result.trials)
    return {"configurations": done, "seconds": took, "per_second": done / took} | judged(truth_n, predictions)


def standardised(frame: pd.DataFrame, fit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs in standard deviations of the fit rows, and classes."""
    x_NF = frame.drop(columns="target").to_numpy(np.float32)
    return (x_NF - x_NF[fit].mean(0)) / x_NF[fit].std(0), frame["target"].to_numpy(np.int64)


def _begin(trial: Any) -> tuple[Any, Any]:
    """Return the network and the optimizer of a trial."""
    import torch
    from torch import nn

    width, layers = trial.suggest_categorical("width", WIDTHS), trial.suggest_int("layers", 2, 4)
    dropout = trial.suggest_float("dropout", 0.0, 0.5)
    blocks = [
        module
        for inner, outer in itertools.pairwise([NUM_COLUMNS, *[width] * layers])
        for module in (nn.Linear(inner, outer), nn.ReLU(), nn.Dropout(dropout))
    ]
    model = nn.Sequential(*blocks, nn.Linear(width, 2))
    rate, decay = (
        trial.suggest_float("lr", 1e-4, 0.1, log=True),
        trial.suggest_float("weight_decay", 1e-6, 0.1, log=True),
    )
    return model, torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)


def plain(frame: pd.DataFrame, seconds: float, seed: int) -> dict[str, Any]:
    """Search one network after the other, as tutorials do."""
    import optuna
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.manual_seed(seed)
    fit, validate, test = parts()
    x_NF, y_N = standardised(frame, fit)
    x, y = torch.from_numpy(x_NF), torch.from_numpy(y_N.copy())
    best: list[tuple[float, np.ndarray]] = []
    ends = time.monotonic() + seconds

    def objective(trial: optuna.Trial) -> float:
        model, optimizer = _begin(trial)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
        loader = DataLoader(TensorDataset(x[fit], y[fit]), batch_size=256, shuffle=True)
        lowest, at, answers = float("inf"), 0, None
        for epoch in range(EPOCHS):
            model.train()
            for inputs, truth in loader:
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(inputs), truth).backward()
                optimizer.step()
            schedule.step()
            model.eval()
            with torch.no_grad():
                loss = float(nn.functional.cross_entropy(model(x[validate]), y[validate]))
                if loss < lowest:
                    lowest, at = loss, epoch
                    answers = torch.softmax(model(x[test]), 1).numpy()
            trial.report(loss, epoch)
            if time.monotonic() > ends:
                trial.study.stop()
                raise optuna.TrialPruned
            if trial.should_prune():
                raise optuna.TrialPruned
            if epoch - at >= 8:
                break
        assert answers is not None
        best.append((lowest, answers))
        best.sort(key=lambda pair: pair[0])
        del best[BEST:]
        return lowest

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), pruner=optuna.pruners.MedianPruner())
    began = time.monotonic()
    study.optimize(objective, timeout=seconds)
    took = time.monotonic() - began
    done = len(study.trials) - 1  # the last one was cut off
    return {"configurations": done, "seconds": took, "per_second": done / took} | judged(
        y_N[test], [answers for _, answers in best]
    )


def optuna_costs(trials: int = 2000) -> dict[str, float]:
    """Return milliseconds a trial: asking TPE, the files of our study, the journal; and what a look at it takes."""
    from tests.benchmarks.search_costs import costs

    return costs(trials)


def main() -> None:
    """Alternate the two, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--generation", type=int, default=16)
    parser.add_argument("--only-costs", action="store_true", help="the milliseconds alone")
    arguments = parser.parse_args()
    report: dict[str, Any] = {"costs": optuna_costs()}
    if not arguments.only_costs:
        from tests.benchmarks.search_case import synthetic

        cores = os.cpu_count() or 1
        runs = []
        for seed in range(arguments.seeds):
            frame = synthetic(NUM_ROWS, NUM_COLUMNS, seed)
            sides = {
                "ours": lambda frame=frame, seed=seed: ours(
                    frame, arguments.seconds, seed, cores, arguments.generation
                ),
                "plain": lambda frame=frame, seed=seed: plain(frame, arguments.seconds, seed),
            }
            order = list(sides) if seed % 2 == 0 else list(sides)[::-1]
            runs.append({word: sides[word]() for word in order})
        ratios = [run["ours"]["configurations"] / max(1, run["plain"]["configurations"]) for run in runs]
        report |= {"seconds": arguments.seconds, "runs": runs, "ratio": statistics.median(ratios), "ratios": ratios}
        for side in ("ours", "plain"):
            report[side] = {
                word: statistics.mean(run[side][word] for run in runs) for word in ("per_second", "best", "best_eight")
            }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
