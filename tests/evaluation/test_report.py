"""The page: whole without a network, honest digits, everything from the data escaped, the same for every task."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from evaluation_case import Blend, fitted, make_case, material_of, schema_of, told_about, view_of
from sklearn.linear_model import LogisticRegression

from components.core.table import Table
from components.evaluation.complete import complete, with_endings
from components.evaluation.judge import Case, judge
from components.evaluation.plot_tables import write_plots
from components.evaluation.report import charts
from components.evaluation.report.first_screen import confusion_table
from components.evaluation.report.page import render
from components.evaluation.report.svg import Plot, tick_text, ticks
from pipelines.engine.stage import WORDS

NAMES = [("breast_cancer", True), ("breast_cancer", False), ("iris", True), ("diabetes", True), ("diabetes", False)]
VOID = {"meta"}
SHAPES = {"path", "circle", "rect"}


class Checker(HTMLParser):
    """Every element is closed in order, and nothing points out of the page."""

    def __init__(self):
        super().__init__()
        self.open, self.texts, self.ids, self.links = [], [], set(), []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids.add(attributes.get("id"))
        assert "src" not in attributes
        if "href" in attributes:
            self.links.append(attributes["href"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in SHAPES

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.texts.append(data)


def page_of(case, **told):
    scores = complete(judge(case), told_about(case, **told))
    return render(view_of(case, scores)), scores


@pytest.fixture(scope="module", params=NAMES, ids=lambda pair: f"{pair[0]}-{'test' if pair[1] else 'folds'}")
def page(request):
    case = make_case(request.param[0], test=request.param[1], resamples=100)
    return case, *page_of(case)


def checked(html):
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    return checker


def test_every_page_is_well_formed_and_points_nowhere_else(page):
    _, html, _ = page
    checker = checked(html)
    for link in checker.links:
        assert link.startswith("data:text/csv;base64,") or (link[0] == "#" and link[1:] in checker.ids), link
    assert "default-src 'none'" in html
    assert not re.search(r"https?://|url\(|@import|/home/|/work/", html)
    assert len(html) < 1_000_000


def test_no_page_shows_what_is_no_word(page):
    _, html, _ = page
    text = " ".join(checked(html).texts)
    assert not re.search(r"\b(nan|None|NaN|inf|True|False)\b", text)
    assert not re.search(r"\.0*[1-9]\d{6}", text)  # no 0.8471999
    assert "Unnamed" not in text


def test_the_first_screen_has_its_four_tiles_and_two_charts(page):
    case, html, _ = page
    first = html.split('<main class="first">')[1].split("</main>")[0]
    assert first.count('class="tile"') == 4
    assert first.count("<figure>") == 2
    tested = case.judged_on == "test"
    assert ("never seen" in first) is tested
    assert ("No rows were kept for a test" in first) is not tested
    assert "What worries us" in first
    assert "What to do next" in first


def test_each_word_of_the_tree_has_its_section(page):
    checker = checked(page[1])
    words = [*WORDS, "time", "again"]
    assert set(words) <= checker.ids


def test_what_comes_from_the_data_is_escaped():
    evil = '<script>alert("x")</script>'
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({evil: rng.normal(size=90), "b": rng.normal(size=90)})
    frame["target"] = np.where(frame[evil] + rng.normal(size=90) > 0, evil, "no & yes")
    known = make_case("iris", resamples=100)
    table = Table.of(schema_of(frame, "target", "binary", (evil, "no & yes")), frame)
    rows = np.arange(70)
    folds = [replace(known.folds[s], fit_rows=rows[rows % 3 != s], score_rows=rows[rows % 3 == s]) for s in range(3)]
    member = fitted(evil, "network", LogisticRegression, table, folds)
    case = Case(
        table=table,
        ensemble=Blend([member]),
        members={evil: member},
        folds=folds,
        test_rows=np.arange(70, 90),
        metric=make_case("breast_cancer").metric,
        spec=known.spec,
        seed=0,
    )
    finding = {"severity": "warning", "word": "text", "columns": [evil], "sentence": evil, "cures": [["", evil]]}
    html, _ = page_of(case, findings=[finding])
    assert html.count("<script>") == 1  # ours
    assert 'alert("x")' not in html
    assert evil in " ".join(checked(html).texts)


def section_of(html, word):
    return html.split(f'<section id="{word}">')[1].split("</section>")[0]


def test_a_worry_stands_in_the_section_that_it_is_about():
    case = make_case("breast_cancer", resamples=100)
    finding = {"severity": "warning", "word": "missing", "columns": [], "sentence": "Much is missing.", "cures": []}
    off = [
        {"predicted": at, "observed": 0.5, "observed_low": 0.45, "observed_high": 0.55, "rows": 50} for at in (0.1, 0.9)
    ]
    scores = complete({**judge(case), "calibration": off}, told_about(case, findings=[finding]))
    html = render(view_of(case, scores))
    for sentence, word in (("Much is missing.", "validate"), ("50 % come true", "evaluate")):
        assert [one for one in WORDS if sentence in section_of(html, one)] == [word]


def test_the_curves_of_boosters_count_rounds_and_are_told_what_helps_trees():
    case = make_case("breast_cancer", resamples=100)
    view = view_of(case, complete(judge(case), told_about(case)))
    steps = np.arange(1, 41)
    curve = (np.exp(-steps / 8).astype(np.float32), (0.02 * np.exp(-steps / 8) + 0.9).astype(np.float32))
    boosting = replace(view.material.searches["boosting"], curves={3: curve})
    material = replace(view.material, searches={**view.material.searches, "boosting": boosting})
    html = section_of(render(replace(view, material=material)), "boosting")
    assert ">round<" in html
    assert "more rows would help" in html
    assert not re.search("epoch|dropout", html)


def test_a_column_of_dates_has_its_range():
    case = make_case("breast_cancer", resamples=100)
    view = view_of(case, complete(judge(case), told_about(case)))
    first, *others = view.material.schema.columns
    dated = replace(first, kind="datetime", low=0.0, high=86400.0 * 59)
    material = replace(view.material, schema=replace(view.material.schema, columns=(dated, *others)))
    assert "1970-01-01 to 1970-03-01" in section_of(render(replace(view, material=material)), "validate")


def test_the_confusion_matrix_has_at_most_twelve_classes():
    counts = np.eye(40, dtype=int) * np.arange(1, 41)[:, None]
    scores = {"confusion": {"classes": [f"c{c}" for c in range(40)], "counts": counts.tolist()}}
    html = confusion_table(scores)
    assert html.count("<tr>") == 13
    assert "29 others" in html
    rows = [int(text) for text in re.findall(r'quiet">(\d+)<', html)]
    assert sum(rows) == counts.sum()


def test_a_learning_curve_that_begins_high_does_not_flatten_the_rest():
    epochs = np.arange(50)
    train = np.where(epochs < 2, 900.0, 0.5 * np.exp(-epochs / 10))
    svg = charts.curves(train, train + 0.1)
    numbers = [float(one) for one in re.findall(r'class="tick end"[^>]*>([\d.]+)<', svg)]
    assert max(numbers) < 2


def test_no_trial_no_chart():
    assert charts.history([(0, "failed", None)], "ROC AUC", greater_is_better=True) == ""
    assert charts.curves(np.array([np.nan, 1.0]), np.array([1.0, 1.0])) == ""


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 7.9), (0.9911, 0.9987), (0, 1e6), (5, 5)])
def test_ticks_are_few_round_and_inside(low, high):
    found = ticks(low, high)
    assert 1 <= len(found) <= 8
    assert all(low - 1e-9 <= value <= high + 1e-9 for value in found)


def test_tick_texts():
    assert [tick_text(value) for value in (0, 0.5, -2, 12000, 2e6, 1e-5)] == [
        "0",
        "0.5",
        "−2",
        "12\u202f000",
        "2e6",
        "1e−5",
    ]


@pytest.mark.parametrize("high", [1, 900, 12_000, 500_000, 8_000_000])
def test_numbers_of_the_upright_axis_do_not_reach_its_name(high):
    """The name stands 13 from the side, 4 of it to the right; numbers end 8 left of the axis, each digit 8 at most."""
    plot = Plot(x=(0, high), y=(0, high)).axes("x", "true value")
    longest = max(len(tick_text(value)) for value in ticks(0, high, 5))
    assert plot.left - 8 - 8 * longest >= 17
    assert plot.left < 120
    last = tick_text(ticks(0, high, 6)[-1])
    assert (f'<text class="tick end" x="560.0" y="274.0">{last}</text>' in plot.render("")) == (len(last) > 3)


def test_the_name_of_the_upright_axis_is_cut_where_it_has_no_room():
    tall, flat = (Plot(x=(0, 1), y=(0, 1), height=height).axes("x", "true median_house_value") for height in (300, 204))
    assert ">true median_house_value<" in tall.render("")
    assert ">true median_house_v…<" in flat.render("")


def test_the_page_tells_why_a_search_ended():
    case = make_case("breast_cancer", resamples=100)
    scores = complete(judge(case), told_about(case))
    html = render(view_of(case, with_endings(scores, {"search": "seconds", "boosting": "trials"})))
    assert "the time was over" in html
    assert "espalier pin" in html
    assert "the time was over" not in render(view_of(case, scores))


def test_plots_are_always_the_same_five_files_with_headers(tmp_path, page):
    case, _, scores = page
    write_plots(tmp_path, scores, material_of(case), case.judged.truth_n, case.judged.values_KnC[0])
    found = {path.name: pd.read_csv(path) for path in tmp_path.iterdir()}
    assert {name: list(frame.columns) for name, frame in found.items()} == {
        "learning_curves.csv": ["epoch", "train", "validation"],
        "leaderboard.csv": ["member", "score"],
        "search_history.csv": ["trial", "score"],
        "confusion.csv": ["actual", "predicted"],
        "calibration.csv": ["predicted", "observed", "rows"],
    }
    assert len(found["learning_curves.csv"]) == 40
    assert len(found["confusion.csv"]) == (0 if case.table.schema.task == "regression" else len(case.rows))


def test_numbers_are_the_same_bytes_again():
    first, again = (complete(judge(case), told_about(case)) for case in (make_case("iris"), make_case("iris")))
    assert first == again


def test_failures_are_told_with_cause_message_and_settings(page):
    _, html, _ = page
    assert "No more trials of training.optimizer sgd (9 of 9 diverged): the branch was closed." in html
    assert "the loss is &lt;no number&gt;" in html
    assert "network.mlp.layers 4, training.optimizer.adamw.lr 0.012" in html


def test_the_page_says_which_members_grew_once_more_on_all_rows():
    case = make_case("breast_cancer", resamples=100)
    members = told_about(case)["members"]
    again = [{**one, "refit_rows": 455} for one in members]
    assert "grew once more" not in page_of(case)[0]
    assert "Every member with a weight grew once more on all train rows" in page_of(case, members=again)[0]
    assert f"{members[1]['name']} grew once more on all train" in page_of(case, members=[members[0], again[1]])[0]
