"""Cheap stages in place of the real ones, for tests of what surrounds a stage: `python stand_in.py <word>`.

Everything but the stage's own function is real. A stage writes what it read, sleeps `params: <word>: {sleep: ...}` and
obeys its deadline as the real ones do. With `held: true` it goes on only when the project has a file `go`.
"""

import json
import os
import sys
import time
from pathlib import Path

import pipelines.engine.runner as runner
from components.core.errors import UserMistake
from pipelines.engine.stage import Progress, Stage


class Settings(dict):
    """A section's values; whatever is written there is right."""

    @property
    def source(self) -> str:
        return self["source"]


def cheap(stage: Stage) -> str:
    values = stage.spec
    steps = 0
    patience = time.monotonic() + 180.0
    while values.get("held") and not (stage.root / "go").exists() and time.monotonic() < patience:
        time.sleep(0.05)
    while steps < values.get("steps", 1) and not (steps and stage.deadline.over()):
        time.sleep(values.get("sleep", 0.0))
        steps += 1
        stage.tell(Progress(done=steps, total=values.get("steps", 1), best=0.5))
    if values.get("fail") == "mistake":
        raise UserMistake(f"{stage.word} does not like the data.")
    if values.get("fail") == "bug":
        raise RuntimeError("a fault of ours")
    if values.get("fail") == "disk":
        raise OSError(28, os.strerror(28))
    made = {"word": stage.word, "seed": stage.seed, "spec": {k: v for k, v in values.items() if k != "sleep"}}
    made["inputs"] = {name: (stage.input(name) / "made.json").read_text() for name in stage.made_from}
    if stage.word == "ingest" and (stage.root / "table.csv").exists():
        made["table"] = (stage.root / "table.csv").read_text()
    if stage.word == "augment":
        made = {"word": "augment"}  # nothing made: the same bytes whatever comes before
    (stage.out / "made.json").write_text(json.dumps(made, sort_keys=True))
    if stage.word == "evaluate":
        (stage.out / "plots").mkdir()
        (stage.out / "plots" / "learning_curves.csv").write_text("epoch,train,validation\n0,1,2\n")
        (stage.out / "report.html").write_text("<html></html>")
        (stage.out / "scores.json").write_text(json.dumps(made, sort_keys=True))
        (stage.out / "metrics.json").write_text(json.dumps({"score": len(json.dumps(made))}))
        (stage.out / "made.json").unlink()
    with (stage.root / ".espalier" / "calls.txt").open("a") as calls:
        calls.write(f"{stage.word} {stage.cores} {steps}\n")
    return f"{steps} steps"


if __name__ == "__main__":
    runner.stage_function = lambda word: cheap
    runner.section = lambda params, word: Settings(params.values[word] or {})
    sys.exit(runner.run_stage(sys.argv[1], Path.cwd()))
