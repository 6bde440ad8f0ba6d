"""Tables that nothing can be learned from: what only a stage can find out ends both engines alike."""

import json

import pytest
from error_project import CHECK, RUN, Project, rows, stage, table

ONE_CLASS = table(*(row.replace(",no", ",yes") for row in rows()))
MANY_CLASSES = table(*(f"{row}-{number}" for number, row in enumerate(rows())))
NO_VALUE = table(*("," + row.partition(",")[2] for row in rows()))
INFINITE = table("inf,u,yes", *rows())
COPIES = table(*rows(4) * 15)


def test_an_unknown_target(project: Project) -> None:
    project.set(validate="{target: yy, drop: [bb]}")
    for one in project.refuse(CHECK, RUN, stage("validate")):
        assert "validate.target is 'yy', not a column of t.csv. Did you mean 'y'?" in one.words
        assert "validate.drop is 'bb', not a column of t.csv. Did you mean 'b'?" in one.words


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (MANY_CLASSES, "validate.target: 'y' has 60 classes in 60 rows"),
        (NO_VALUE, "error missing a has no value in any row."),
        (COPIES, "56 of 60 rows are copies of another; 4 are left without."),
    ],
    ids=["more classes than rows", "a column without values", "nothing but copies"],
)
def test_the_stage_by_itself(content: str, sentence: str, project: Project) -> None:
    project.write(content)
    (said,) = project.say_here(stage("ingest"))
    assert said.status == 0, said.text
    (said,) = project.refuse(stage("validate"), here=True)
    assert said.words.count(sentence) == 1, said.text


@pytest.mark.parametrize(
    ("content", "sentence", "cure"),
    [
        (ONE_CLASS, "validate.target: 'y' is 'yes' in all 60 rows that have it. One class,", ""),
        (INFINITE, "a is infinite in 1 row; the first is row 1 below the header.", "validate.drop: [a]"),
    ],
    ids=["one class", "a finding that stops"],
)
def test_under_both_engines(content: str, sentence: str, cure: str, fresh: Project) -> None:
    fresh.write(content)
    (said,) = fresh.say(RUN)
    assert said.status == 2, said.text
    assert sentence in said.words
    assert cure in said.text
    assert sorted(path.name for path in (fresh.root / "data").iterdir() if path.name[0] != ".") == ["ingest"]
    (alone,) = fresh.refuse(stage("validate"), here=True)
    assert sentence in alone.words
    assert cure in alone.text
    if cure:
        (finding, *_) = json.loads((fresh.root / ".espalier" / "findings.json").read_text())
        assert (finding["word"], finding["fix"]) == ("infinite", {"key": "validate.drop", "value": ["a"]})


def test_an_impossible_split(project: Project) -> None:
    project.set(split="{by: group, folds: 100}")
    for one in project.refuse(CHECK, RUN, stage("split")):
        assert "split.by is group, but split.column is none. Name the column that holds the group." in one.words
    project.set(split="{folds: 100}")
    check, alone = project.refuse(CHECK, stage("split"), here=True)
    for one in (check, alone):
        assert "split.folds is 100, but there are 48 train rows" in one.words
