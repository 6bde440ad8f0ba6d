"""A search of real networks with real workers, to be killed: `python killed_case.py FOLDER CORES`.

Few structures, so that every population holds several candidates; half of them are dropped at a rung.
"""

import sys
from pathlib import Path

from training_case import example, folds_of

from components.core.files import atomic_folder
from components.core.ranges import Choice, Fixed, FloatRange, Group
from components.metrics import get
from components.search.driver import run_search
from components.search.outcome_tables import write_search_out
from components.search.spec import SearchSettings
from components.training.evaluate import NetworkEvaluate
from components.training.structure import structure

EPOCHS = 9
SETTINGS = {"trials": 14, "generation": 7, "pruner": "halving", "sampler": "tpe", "keep": 3}
SPACE = Group(
    fields={
        "preprocess": Group(fields={"scale": Fixed(value="standard")}),
        "network": Group(
            kind="mlp",
            fields={
                "layers": Fixed(value=1),
                "width": Choice(options=(Fixed(value=12), Fixed(value=16))),
                "dropout": FloatRange(low=0.0, high=0.4),
            },
        ),
        "training": Group(
            fields={
                "epochs": Fixed(value=EPOCHS),
                "batch_size": Fixed(value=32),
                "optimizer": Group(kind="adamw", fields={"lr": FloatRange(low=1e-4, high=0.1, log=True)}),
            }
        ),
    }
)


def grow(folder, cores):
    """Search, and write the out beside the study."""
    table = example("wine")
    folds = folds_of(table, 3)
    settings = SearchSettings(**SETTINGS)
    evaluate = NetworkEvaluate(table, get("log_loss"), seed=5, cores=cores)
    result = run_search(
        space=SPACE,
        settings=settings,
        evaluate=evaluate,
        folds=folds,
        num_rows=table.num_rows,
        study=folder / "study",
        seed=5,
        greater_is_better=False,
        structure=structure,
        steps=EPOCHS,
        times=lambda spec: (EPOCHS, None),
    )
    with atomic_folder(folder / "out") as out:
        write_search_out(out, "search", result, space=SPACE, settings=settings, table="sha256:0", metric="log_loss")


if __name__ == "__main__":
    grow(Path(sys.argv[1]), int(sys.argv[2]))
