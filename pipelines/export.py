"""The stage export: the ensemble as one folder that predicts raw rows anywhere."""

from importlib.metadata import version

from components import metrics
from components.core.files import read_json
from components.core.table import Schema
from components.project.families import loaders
from components.serving.bundle import write_bundle
from pipelines.engine.stage import Stage

PACKAGE = "espalier-automl"


def export(stage: Stage) -> str:
    """Write the bundle from data/stacking, or of the distilled model, and predict the example rows with it."""
    ensemble = stage.input("stacking")
    stacked = read_json(ensemble / "stacking.json")
    one = stacked["distilled"]
    chosen, ensemble = (stacked, ensemble) if one is None else (one, ensemble / "distilled")
    task = Schema.read(ensemble / "schema.json").task
    metric = metrics.get(stacked["metric"])
    facts = {
        "espalier": version(PACKAGE),
        "metric": metric.name,
        "title": metric.title,
        "greater_is_better": metric.greater_is_better,
        "score": chosen["score"],
        "fold_scores": chosen["fold_scores"],
        "threshold": stage.also["evaluate"].threshold_for(task, chosen["threshold"]),
    }
    write_bundle(stage.out, ensemble, loaders(), facts, card=stage.spec.card)
    size = sum(path.stat().st_size for path in stage.out.rglob("*") if path.is_file())
    members = len(list((stage.out / "members").iterdir()))
    return f"{members} {'member' if members == 1 else 'members'}, {size / 1e6:.1f} MB"
