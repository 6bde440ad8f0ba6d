"""A params.yaml with mistakes: all at once with lines and nearest names, and a stage names those of its section."""

from error_project import CHECK, PARAMS, RUN, Project, stage

WRONG = (
    PARAMS.replace("metric: auto", "metric: acuracy")
    .replace("seed: 0\n", "")
    .replace("split: {folds: 2}", "split: {folds: two, tset: 0.1}")
    .replace("search: {trials: 1}", "search: {trials: 1, prunner: none}")
    .replace("{source: t.csv}", "{sorce: t.csv}")
    .replace("export: {}", "exprot: {}")
)
SENTENCES = {  # in the order of the file
    "line 2": "metric is 'acuracy', not the name of a metric. Did you mean 'accuracy'?",
    "line 3": "ingest.sorce is not a key. Did you mean 'ingest.source'?",
    "line 5": "split.folds is 'two', not a whole number from 1 to 100.",
    "line 7": "search.prunner is not a key. Did you mean 'search.pruner'?",
    "line 12": "exprot is not a key. Did you mean 'export'?",
}


def test_all_mistakes_at_once_and_a_stage_says_its_own(project: Project) -> None:
    project.write(WRONG, "params.yaml")
    check, run, split = project.refuse(CHECK, RUN, stage("split"))
    assert check.text == run.text
    assert check.text.startswith("params.yaml has 8 mistakes. Nothing was started, nothing was changed.\n")
    places = [check.words.index(f"{line} {sentence}") for line, sentence in SENTENCES.items()]
    assert places == sorted(places)
    assert "seed is missing. Add the line: seed: 0" in check.words
    assert "ingest.source is missing." in check.words
    assert "split.tset is not a key. Did you mean 'split.test'?" in check.words
    assert "params.yaml, line 12: exprot is not a key." in split.words
    assert "seed is missing." in split.words


def test_the_section_of_a_stage_alone(project: Project) -> None:
    project.set(split="{folds: two, tset: 0.1}", search="{prunner: none}")
    (said,) = project.refuse(stage("split"), here=True)
    assert "params.yaml, line 6: split.folds is 'two', not a whole number from 1 to 100." in said.words
    assert "params.yaml, line 6: split.tset is not a key. Did you mean 'split.test'?" in said.words
    assert "prunner" not in said.text


def test_no_yaml_and_no_file(project: Project) -> None:
    project.write(PARAMS + "seed: 1\n", "params.yaml")
    for one in project.refuse(CHECK, RUN, stage("split")):
        assert "'seed' is written twice. Keep one of the two lines." in one.words
        assert "line 14" in one.words
    (project.root / "params.yaml").unlink()
    for one in project.refuse(CHECK, RUN, stage("split"), here=True):
        assert "There is no params.yaml in" in one.words
        assert "espalier init --data SOURCE --target COLUMN" in one.text
