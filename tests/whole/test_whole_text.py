"""A table of free texts, by real commands: from `init` to answers about texts that nobody has seen.

It is grown by DVC alone, without evaluate: that is quickest, and `espalier run` grows the same bytes.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from whole_project import SETTINGS, Project

from components.core.files import read_json

COLD = ("cold", "late", "broken", "rude")
WARM = ("warm", "friendly", "quick", "lovely")
FILLING = ("the", "soup", "waiter", "came", "table", "was", "again", "and", "yesterday", "with")
QUICKER = (
    "search.trials=1",
    "search.generation=1",
    "search.keep=1",
    "search.training.epochs=4",
    "bagging.members=[linear]",
)


def told(number: int, seed: int) -> pd.DataFrame:
    """Sentences in which one word of eight tells how it was, and a number that tells nothing."""
    rng = np.random.default_rng(seed)
    liked = rng.random(number) < 0.5
    texts = [" ".join(rng.permutation([*rng.choice(FILLING, 7), rng.choice(WARM if one else COLD)])) for one in liked]
    return pd.DataFrame(
        {"story": texts, "seats": rng.integers(1, 9, number), "liked": np.where(liked, "yes", "no")},
    )


def test_a_table_of_texts_from_init_to_predict(tmp_path: Path) -> None:
    project = Project(tmp_path)
    told(240, seed=0).to_csv(tmp_path / "stories.csv", index=False)
    project.look("init", "--data", "stories.csv", "--target", "liked", "--seconds", "none")
    project.look("set", *SETTINGS, *QUICKER)
    project.do("dvc", "repro", "export")
    columns = {one["name"]: one["kind"] for one in read_json(tmp_path / "data" / "split" / "schema.json")["columns"]}
    assert columns == {"story": "text", "seats": "numeric", "liked": "categorical"}
    new = told(100, seed=1)
    new.drop(columns="liked").to_csv(tmp_path / "new.csv", index=False)
    assert "100 rows answered" in project.look("predict", "new.csv", "-o", "answers.csv")
    answers = pd.read_csv(tmp_path / "answers.csv")
    assert (answers["prediction"] == new["liked"]).mean() > 0.9
