"""params.yaml is judged whole: every mistake at once, with line, nearest name and way out; nothing valid is refused."""

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import Mistakes, UserMistake
from components.project.check import find_mistakes, layout
from components.project.documents import parse
from components.project.params import FILE, read_params, section
from components.project.sections import SECTIONS

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


@pytest.fixture
def project(tmp_path):
    def write(text=SHORT, **sections):
        for word, value in sections.items():
            text = "".join(
                f"{word}: {value}\n" if line.startswith(f"{word}:") else line for line in text.splitlines(True)
            )
        (tmp_path / FILE).write_text(text)
        return tmp_path

    return write


def found(root):
    return [(one.line, str(one)) for one in find_mistakes(root, with_data=False)]


def test_the_short_file_is_valid_and_every_section_becomes_its_class(project):
    params = read_params(project())
    for word in SECTIONS:
        section(params, word)
    assert found(params.root) == []
    assert params.seconds == 600
    assert section(params, "split").folds == 5


def test_all_mistakes_come_at_once_in_the_order_of_the_lines(project):
    root = project(
        textwrap.dedent("""\
        seconds: 600
        seed: 0
        metric: auc
        ingest: {source: customers.csv}
        validate: {target: churned, on_error: halt}
        split: {folds: 0, by: stratifed}
        augment: {copies: {low: 1, high: 2}}
        search:
          trials: many
          prunner: halving
          network:
            dropout: {low: 0.5, high: 0.05}
            width: {min: 64, high: 128}
          training:
            optimizer: {kind: sgd, nesterov: on}
            schedule: cosin
            batch_size: {choose: [full, 0]}
            epochs: {choose: [64]}
        boosting:
          trees: {max_depth: {low: 2.5, high: 4}, l2: {low: 0, high: 1, log: true}}
        bagging: {}
        stacking: {}
        evaluate: {interval: 95}
        """)
    )
    assert found(root) == [
        (3, "metric is 'auc', not the name of a metric. Did you mean 'roc_auc'?  All names: espalier explain metric"),
        (
            5,
            "validate.on_error is 'halt', not names with values: {name: value}, or one of stop, warn.",
        ),
        (6, "split.folds is 0, not a whole number from 1 to 100."),
        (
            6,
            "split.by is 'stratifed', not one of random, stratified, group, time, column. Did you mean 'stratified'?",
        ),
        (
            7,
            "augment.copies is {low: 1, high: 2}: nothing is searched here. Write a whole number from 0 to 100.",
        ),
        (9, "search.trials is 'many', not a whole number of at least 1, or auto."),
        (10, "search.prunner is not a key. Did you mean 'search.pruner'?"),
        (
            12,
            "search.network.mlp.dropout is {low: 0.5, high: 0.05}: low is above high. Write {low: 0.05, high: 0.5}.",
        ),
        (13, "search.network.mlp.width.min is not a key of a range. Did you mean 'low'?"),
        (15, "search.training.optimizer.sgd.nesterov is the word 'on'. Write true."),
        (
            16,
            "search.training.schedule is 'cosin', not one of constant, step, exponential, cyclical, cosine, "
            "one_cycle, coslog4, flat_cosine. Did you mean 'cosine'?",
        ),
        (17, "search.training.batch_size is 0, not a whole number of at least 1, or full."),
        (
            18,
            "search.training.epochs is {choose: [64]}: choose is a list of at least two values, with nothing "
            "beside it. One value alone is written without choose.",
        ),
        (
            20,
            "boosting.trees.max_depth is {low: 2.5, high: 4}: whole numbers are meant. Write ends without a fraction.",
        ),
        (
            20,
            "boosting.trees.l2 is {low: 0, high: 1, log: true}: log needs low above 0. Raise low, or take log out.",
        ),
        (23, "evaluate.interval is 95, not a number above 0.5 and below 1."),
        (None, "export is missing: the section of a stage. Add the line:  export: {}"),
    ]


def test_large_limits_are_written_out(project):
    assert found(project(seed="zero")) == [(2, "seed is 'zero', not a whole number from 0 to 4294967295.")]


def test_a_stage_judges_its_own_section_alone(project):
    params = read_params(project(search="{prunner: x}"))
    assert section(params, "split").by == "stratified"
    with pytest.raises(
        Mistakes, match=r"params.yaml, line 8: search.prunner is not a key. Did you mean 'search.pruner'\?"
    ):
        section(params, "search")


def test_the_layout_has_lines_at_the_left_and_ways_out_below(project):
    root = project(metric="auc", search="{prunner: x}")
    (root / "customers.csv").write_text("a,churned\n" + "".join(f"{i},{i % 2}\n" for i in range(100)))
    assert layout(find_mistakes(root), FILE).splitlines() == [
        "params.yaml has 2 mistakes. Nothing was started, nothing was changed.",
        "",
        "  line 3  metric is 'auc', not the name of a metric.",
        "          Did you mean 'roc_auc'?  All names: espalier explain metric",
        "  line 8  search.prunner is not a key.",
        "          Did you mean 'search.pruner'?",
    ]


def test_doubts_stop_nothing_and_say_so(project):
    root = project(search="{training: {batch_size: 4096}}")
    (root / "customers.csv").write_text("a,churned\n" + "".join(f"{i},{i % 2}\n" for i in range(100)))
    mistakes = find_mistakes(root)
    assert [one.doubt for one in mistakes] == [True]
    assert "1 doubt, which stops nothing" in layout(mistakes, FILE)
    assert "goes up to 4096, but a fold trains on 64 rows" in layout(mistakes, FILE).replace("\n          ", " ")


def test_noise_that_no_copy_gets_is_a_doubt(project):
    root = project(augment="{noise: 0.1}")
    (mistake,) = find_mistakes(root, with_data=False)
    assert mistake.doubt
    assert str(mistake.place) == "augment.noise"
    assert "augment.copies is 0" in mistake.problem
    assert find_mistakes(project(augment="{noise: 0.1, copies: 1}"), with_data=False) == []


def test_names_of_columns_are_compared_as_text_and_with_the_data(project):
    root = project(validate="{target: 2024, drop: [0, ag], columns: {true: text}}")
    (root / "customers.csv").write_text("0,2024,age,true\n" + "".join(f"{i},{i % 2},{i},x\n" for i in range(60)))
    assert [str(one) for one in find_mistakes(root)] == [
        "validate.drop is 'ag', not a column of customers.csv. Did you mean 'age'?"
    ]


def test_a_source_that_cannot_be_read_is_one_of_the_mistakes(project):
    mistakes = find_mistakes(project(seed="-1"))
    assert [one.line for one in mistakes] == [2, 4]
    assert "customers.csv" in mistakes[1].problem


def test_seconds_none_needs_counts(project):
    assert [line for line, _ in found(project(seconds="none"))] == [8, 9]
    assert found(project(seconds="none", search="{trials: 4}", boosting="{seconds: 10}")) == []


def test_parts_may_not_exceed_the_whole(project):
    root = project(seconds="100", search="{seconds: 80}", bagging="{seconds: 30}")
    assert found(root) == [
        (
            1,
            "seconds is 100, less than its parts search.seconds + bagging.seconds = 110. "
            "Raise it, or take one of the parts out.",
        )
    ]


def test_own_start_points_lie_in_the_space(project):
    root = project(search="{start: [{network: {layers: 3}}, {network: {layers: 99}}]}")
    ((line, text),) = found(root)
    assert line == 8
    assert text.startswith("search.start.2.network.mlp.layers is 99")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{seconds: 1e2}", 100.0),
        ('{seconds: "1e2"}', 100.0),
        ("{seconds: none}", "none"),
        ("{seconds: }", "none"),
        ("{seconds: ~}", "none"),
        ("{seconds: null}", "none"),
    ],
)
def test_one_word_for_nothing_and_texts_that_are_numbers(project, value, expected):
    assert section(read_params(project(bagging=value)), "bagging").seconds == expected


def test_an_empty_section_is_read_as_empty(project):
    text = SHORT.replace("bagging: {}", "bagging:\n  # trees: 7")
    assert section(read_params(project(text)), "bagging").trees == 200


def test_words_like_no_and_on_are_words(project):
    params = read_params(project(validate="{target: no, drop: [on, NO, yes]}"))
    assert section(params, "validate").target == "no"
    assert section(params, "validate").drop == ("on", "NO", "yes")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "line 2: 'a' is written twice. Keep one"),
        ("source: *.csv\n", 'line 1: .* begins with \\*. Put the value in quotes: source: "\\*.csv"'),
        ("a: {source: https://x.org/a.csv}\n", "line 1: .* has a colon inside braces. Put it in quotes, or on a line"),
        ("a: &x 1\n", "line 1: 'x' is an anchor"),
        ("a:\n\tb: 1\n", "line 2: 'b: 1' is indented with a tab. Use spaces"),
        ("a: [1\n", "is no YAML"),
        ("- 1\n", "line 1: params.yaml holds no keys"),
        ("a: \x00\n", "holds a character that no text has"),
    ],
)
def test_text_that_is_no_such_file(text, message):
    with pytest.raises(Mistakes, match=message):
        parse(text, FILE)


def test_a_folder_without_the_file_says_how_to_begin(tmp_path):
    with pytest.raises(UserMistake, match="espalier init --data SOURCE --target COLUMN"):
        read_params(tmp_path)


def test_a_file_that_is_no_utf8_is_one_sentence(tmp_path):
    (tmp_path / FILE).write_bytes(b"seed: \xff\n")
    with pytest.raises(UserMistake, match="not UTF-8 text \\(byte 6\\)"):
        read_params(tmp_path)


def test_a_section_that_is_a_value_is_told(project):
    assert "search is a section: it holds keys, not a value. Write  search: {}" in str(found(project(search="7")))


def test_what_the_class_itself_refuses_is_a_mistake_with_its_line(project):
    ((line, text),) = found(project(augment="{copies: 2}"))
    assert line == 7
    assert "noise" in text


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.sampled_from(["kind", "choose", "low", "high", "log", "trials", "network", "training", "optimizer", "scale"])


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(list(SECTIONS)), st.dictionaries(WORDS | st.text(max_size=5), ANYTHING, max_size=4))
)
def test_no_value_whatever_ends_in_anything_but_a_mistake(values):
    from components.project.documents import Document, plain
    from components.project.params import read_section
    from components.project.reading import Reader

    document = Document(name=FILE, text="", values=plain(values), marks={})
    for word in SECTIONS:
        reader = Reader()
        settings = read_section(document, word, reader)
        assert (settings is None) == bool(reader.found)
