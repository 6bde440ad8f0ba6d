"""The first line of a run, and what `validate` adds to it: what is grown, judged by which metric, with how much time.

The task, and so what `metric: auto` means, is known where validate is up to date, or when params.yaml names it;
otherwise a second line says it as soon as validate is done.
"""

from pathlib import Path
from typing import cast

from components import metrics
from components.core.contracts import Task
from components.core.files import read_json
from components.core.table import Schema
from components.evaluation.words import task_words
from components.project.params import Params
from pipelines.engine.plan import Plan


def headline(root: Path, params: Params, plan: Plan, cores: int) -> str:
    """Write `customers.csv -> churned   two classes   7043 rows   roc_auc   seed 0   2 cores   600 s`."""
    source, target = (params.values.get(word) or {} for word in ("ingest", "validate"))
    budget = "no limit" if params.seconds is None else f"{params.seconds:g} s"
    wanted = f"{source.get('source', '')} -> {target.get('target', '')}"
    of = f"{cores} cores" if cores > 1 else "1 core"
    known = "" if task_is_open(plan) else data_line(root, params)
    return "   ".join([wanted, known or _metric(params), f"seed {params.top.seed}", of, budget])


def task_is_open(plan: Plan) -> bool:
    """Whether this run is still going to say what the table holds."""
    return "validate" in plan.pending


def data_line(root: Path, params: Params) -> str:
    """Write `two classes   7043 rows   roc_auc` of what validate has found; empty when it left nothing to read."""
    try:
        schema = Schema.read(root / "data" / "validate" / "schema.json")
        rows = read_json(root / "data" / "ingest" / "ingest.json")["rows"]
    except FileNotFoundError:
        return ""
    metric = metrics.resolve(params.top.metric, schema.task).name
    return f"{task_words({'task': schema.task, 'classes': schema.classes})}   {rows} {schema.noun}s   {metric}"


def _metric(params: Params) -> str:
    """Return the metric's name where the task is written in params.yaml, else what is written."""
    task = (params.values.get("validate") or {}).get("task", "auto")
    if params.top.metric == "auto" and task in ("binary", "multiclass", "regression"):
        return metrics.auto(cast(Task, task))
    return f"metric {params.top.metric}"
