"""TabM and FT-Transformer through the stages and the search, from raw columns to members that predict."""

from dataclasses import replace

import numpy as np
import pytest
from test_search_stage import grow

from components.core.files import read_json
from components.core.table import Schema, Table
from components.metrics import get
from components.training.member import load_network
from pipelines.augment import augment
from pipelines.ingest import ingest
from pipelines.search import search
from pipelines.split import split
from pipelines.validate import validate

PARAMS = """\
seconds: none
seed: 0
metric: auto
ingest: {source: "example:SOURCE"}
validate: {target: TARGET}
split: {folds: 2}
augment: {}
search:
  trials: 2
  generation: 2
  keep: 2
  refit: 0
  start: [{network: {kind: tabm, variant: mini}}, {network: {kind: ft_transformer, layers: 2}}]
  network:
    choose:
      - {kind: tabm, members: 4, width: 32, layers: 2, numbers: piecewise, variant: {choose: [tabm, mini]}}
      - {kind: ft_transformer, width: 16, heads: 2, layers: {choose: [1, 2]}}
  training: {epochs: 16, batch_size: 16, optimizer: {kind: adamw, lr: 0.01}, schedule: cosine, label_smoothing: 0.0}
boosting: {trials: 1}
bagging: {}
stacking: {}
evaluate: {}
export: {}
"""


@pytest.mark.parametrize(("source", "target"), [("wine", "cultivar"), ("diabetes", "progression")])
def test_members_of_both_kinds_learn_and_come_back_from_their_files(source, target, tmp_path):
    text = PARAMS.replace("SOURCE", source).replace("TARGET", target)
    for word, stage in (("ingest", ingest), ("validate", validate), ("split", split), ("augment", augment)):
        grow(tmp_path, word, stage, text)
    grow(tmp_path, "search", search, text)
    data = tmp_path / "data"
    out = data / "search"
    table = Table.open(Schema.read(data / "split" / "schema.json"), data / "ingest" / "table.parquet")
    kinds = set()
    for name in read_json(out / "search.json")["members"]:
        member = load_network(out / "members" / name)
        kinds.add(member.spec["network"]["kind"])
        rows, values = member.oof.rows_n, member.oof.values_nC
        truth = table.target()[rows]
        if source == "wine":
            assert get("log_loss")(truth, values[None])[0] < 0.3  # of classes said at random: 1.1
        else:
            assert get("rmse")(truth, values[None])[0] < 0.85 * truth.std()
        part = member.folds[0]
        alone = replace(member, folds=(part,)).predict(table, part.oof.rows_n)
        np.testing.assert_allclose(alone, part.oof.values_nC, rtol=1e-3, atol=1e-4)
    assert kinds == {"tabm", "ft_transformer"}
