"""dvc.yaml in both forms: the committed file, what `init` writes, and what DVC makes of it."""

import json
import sys
from pathlib import Path

import pytest
from engine_case import Project
from ruamel.yaml import YAML

from components.core.errors import UserMistake
from pipelines.engine.dvc_yaml import TREE, ancestors, ingest_deps, params_of, render
from pipelines.engine.stage import WORDS

ROOT = Path(__file__).parents[2]


def test_the_committed_file_is_what_the_generator_writes() -> None:
    source = YAML(typ="safe").load(ROOT / "params.yaml")["ingest"]["source"]
    again = "python -c \"from pipelines.engine.dvc_yaml import render; print(render('repository', SOURCE), end='')\""
    assert (ROOT / "dvc.yaml").read_text() == render("repository", source), f"write it with: {again}"


def test_the_tree_is_the_ten_words() -> None:
    assert sorted(TREE) == sorted(WORDS)
    assert ancestors("evaluate") == tuple(word for word in TREE if word not in ("evaluate", "export"))


def test_both_forms_say_the_same_but_for_the_code() -> None:
    project = YAML(typ="safe").load(render("project", "table.csv"))["stages"]
    repository = YAML(typ="safe").load(render("repository", "table.csv"))["stages"]
    for word in TREE:
        assert project[word]["params"] == [*params_of(word), {"espalier.lock": [word]}]
        assert repository[word]["params"] == list(params_of(word))
        code = [dep for dep in repository[word]["deps"] if dep not in project[word].get("deps", [])]
        assert f"pipelines/{word}.py" in code
        assert all((ROOT / dep).exists() for dep in code)
        for key in ("cmd", "outs", "metrics", "desc"):
            assert project[word].get(key) == repository[word].get(key)


@pytest.mark.parametrize(
    ("source", "deps"),
    [
        ("customers.csv", ("${ingest.source}",)),
        ("raw/2024/*.csv", ("raw/2024",)),
        ("raw/*/part-?.parquet", ("raw",)),
        ("example:wine", ()),
    ],
)
def test_ingest_depends_on_its_source_by_kind(source: str, deps: tuple[str, ...]) -> None:
    assert ingest_deps(source) == deps


@pytest.mark.parametrize("source", ["*.csv", "./*.csv", "data/*.csv"])
def test_a_pattern_over_the_results_is_refused(source: str) -> None:
    with pytest.raises(UserMistake, match="may not look into the folder that holds the results"):
        ingest_deps(source)


def test_dvc_reads_the_order_that_lets_search_come_last_of_the_branches(grown: Project) -> None:
    asked = (
        "import json; from pathlib import Path; from pipelines.engine.dvc_graph import read_steps;"
        "print(json.dumps([[step.word, sorted(step.upstream), len(step.changes)] for step in read_steps(Path())]))"
    )
    steps = json.loads(grown.do(sys.executable, "-c", asked))
    assert steps == [[word, sorted(entry.inputs), 0] for word, entry in TREE.items()]
