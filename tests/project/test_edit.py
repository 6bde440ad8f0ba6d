"""One value is set and nothing else moves: no other line, no comment, no column."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import Mistakes, UserMistake
from components.project.comments import notes_of
from components.project.documents import parse
from components.project.edit import changed_lines, mistakes_in, with_value
from components.project.params import FILE
from components.project.render import full, short
from components.project.words import write

TEXT = """\
# my own heading
seconds: 600                # for the whole tree
seed: 0
metric: auto
ingest:                     # where from
  source: customers.csv     # file
validate: {target: churned}
split:
augment: {}  # nothing
search:                     # networks
  trials: auto              # a number
  network:                  # what is grown
    kind: mlp
    layers: {low: 2, high: 4}   # few
    # own line
    dropout: 0.1
  training:
    optimizer:
      choose:
        - {kind: adamw, lr: 0.1}
        - kind: sgd
          lr: 0.2           # high
    schedule: step          # falls
boosting: {}
bagging: {}
stacking: {}
evaluate: {}
export: {}
"""


CHANGES = """\
seconds=none
-seconds: 600                # for the whole tree
+seconds: none               # for the whole tree

search.trials=40
-  trials: auto              # a number
+  trials: 40                # a number

ingest.source=example:wine
-  source: customers.csv     # file
+  source: example:wine      # file

ingest.source=a-very-long-name-of-a-file.csv
-  source: customers.csv     # file
+  source: a-very-long-name-of-a-file.csv  # file

boosting.trials=40
-boosting: {}
+boosting: {trials: 40}

split.folds=3
-split:
+split: {folds: 3}

augment.smote=true
-augment: {}  # nothing
+augment: {smote: true}  # nothing

validate.drop=[a, "b, c"]
-validate: {target: churned}
+validate: {target: churned, drop: [a, "b, c"]}

validate.columns.zip=categorical
-validate: {target: churned}
+validate: {target: churned, columns: {zip: categorical}}

validate.target="yes: no"
-validate: {target: churned}
+validate: {target: "yes: no"}

search.network.mlp.dropout=0.25
-    dropout: 0.1
+    dropout: 0.25

search.network.dropout=0.25
-    dropout: 0.1
+    dropout: 0.25

search.network.mlp.layers=3
-    layers: {low: 2, high: 4}   # few
+    layers: 3                   # few

search.training.optimizer.sgd.lr=1e-4
-          lr: 0.2           # high
+          lr: 1.0e-4        # high

search.training.optimizer.adamw.lr=0.3
-        - {kind: adamw, lr: 0.1}
+        - {kind: adamw, lr: 0.3}

search.training.schedule.step.every=3
-    schedule: step          # falls
+    schedule: {kind: step, every: 3}  # falls

search.sampler=random
+  sampler: random           # grid | random | tpe | gp | cmaes | qmc

device=cpu
+device: cpu                 # cpu | cuda; where to run, not what to grow: changing it reruns nothing
"""


@pytest.mark.parametrize("change", CHANGES.split("\n\n"))
def test_exactly_these_lines_change(change):
    words, *lines = change.strip().split("\n")
    key, _, value = words.partition("=")
    new = with_value(TEXT, key, parse(f"value: {value}\n", "x").values["value"])
    assert [sign + line for sign, line in changed_lines(TEXT, new)] == lines


def test_a_new_line_stands_where_its_class_has_it():
    lines = with_value(TEXT, "search.keep", 3).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("  keep: 3"))
    assert lines[at - 1].startswith("  trials:")
    lines = with_value(TEXT, "device", "cpu").splitlines()
    assert lines[3].startswith("metric")
    assert lines[4].startswith("device")


def test_a_key_below_something_left_out_takes_the_rest_of_its_default_along():
    new = with_value(SHORT, "search.training.optimizer.sgd.lr", 0.5)
    written = parse(new, FILE).values["search"]["training"]["optimizer"]["choose"]
    assert [option["kind"] for option in written] == ["adamw", "sgd"]
    assert written[1]["lr"] == 0.5
    assert written[1]["momentum"] == 0.9


SHORT = """\
seconds: 600
seed: 0
metric: auto
ingest: {source: customers.csv}
validate: {target: churned}
split: {}
augment: {}
search: {}
boosting: {}
bagging: {}
stacking: {}
evaluate: {}
export: {}
"""


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("search.prunner", "halving", r"search.prunner is not a key. Did you mean 'search.pruner'\?"),
        ("serch.pruner", "halving", r"serch is not a key. Did you mean 'search'\?"),
        ("search.keep", 0, "search.keep is 0, not a whole number of at least 1"),
        ("search.pruner", "halvin", r"Did you mean 'halving'\?"),
        ("search.training.optimizer.adam.lr", 0.1, "optimizer is {choose: .*} in this file.* Set .*optimizer first"),
    ],
)
def test_a_wrong_key_or_value_changes_nothing_and_says_why(key, value, message):
    with pytest.raises(UserMistake, match=message):
        with_value(TEXT, key, value)


def test_mistakes_that_were_there_before_do_not_forbid_mending_one():
    torn = TEXT.replace("trials: auto ", "trials: many ").replace("dropout: 0.1", "dropout: 7")
    mended = with_value(torn, "search.trials", 4)
    assert [one.place for one in mistakes_in(mended)] == ["search.network.mlp.dropout"]
    with pytest.raises(Mistakes, match=r"search\.trials is -1"):
        with_value(torn, "search.trials", -1)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_what_is_written_is_read_back(value):
    read = parse(f"value: {write(value)}\n", "x").values["value"]
    assert read == with_none(value)


def with_none(value):
    """None is written by the one word for nothing."""
    if isinstance(value, dict):
        return {key: with_none(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_none(item) for item in value]
    return "none" if value is None else value


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(["search.trials", "split.test", "validate.drop", "evaluate.resamples", "search.network.mlp.width"]),
    st.integers(1, 4096) | st.just({"choose": [64, 128]}) | st.lists(st.text(min_size=1), max_size=3),
)
def test_setting_a_value_keeps_all_other_values(key, value):
    try:
        new = with_value(TEXT, key, value)
    except UserMistake:
        return
    old = parse(TEXT, FILE).values
    for word, section in parse(new, FILE).values.items():
        if word != key.partition(".")[0]:
            assert section == old[word]
    assert new.count("#") - str(value).count("#") >= TEXT.count("#")


def test_short_and_full_mean_the_same_and_keep_own_comments():
    document = parse(TEXT, FILE)
    notes = notes_of(document)
    long = full(document.values, notes)
    brief = short(document.values, notes)
    for text in (long, brief):
        for own in ("# my own heading", "# own line", "# high", "# falls", "# few", "# where from"):
            assert text.count(own) == 1, own
    assert full(parse(brief, FILE).values) == full(document.values)
    assert full(parse(long, FILE).values, notes_of(parse(long, FILE))) == long


def test_the_short_form_of_the_full_one_is_the_short_one():
    assert short(parse(full(parse(SHORT, FILE).values), FILE).values) == SHORT


def test_the_full_file_has_no_mistake_and_no_line_above_the_width():
    text = full(parse(SHORT, FILE).values)
    assert mistakes_in(text) == []
    assert max(map(len, text.splitlines())) <= 120
    columns = {len(before) for before, sign, _ in (line.partition("# ") for line in text.splitlines()) if sign}
    assert min(columns - {0}) == 28
    assert 60 in columns
