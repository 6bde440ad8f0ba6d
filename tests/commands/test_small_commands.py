"""The commands that read and write params.yaml, from the command line on: what they print, write and return."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.core.errors import DiskFullError, UserMistake
from components.core.files import write_json
from components.project.kinds import KINDS
from components.project.techniques import TECHNIQUES, markdown
from pipelines.cli import app, main
from pipelines.engine.installed import renew
from pipelines.engine.source_deps import refuse_other_source

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = "init check explain fix run leaderboard predict report dashboard up down schedule "
COMMANDS += "list params set pin why lock"


@pytest.fixture(scope="module")
def initialised(tmp_path_factory):
    """A project on a small table; starting git and DVC takes two seconds, so it is done once."""
    home = tmp_path_factory.mktemp("initialised")
    rows = [f"C{i:03},{i % 7},{'abc'[i % 3]},{'no' if i % 5 else 'yes'}" for i in range(100)]
    (home / "customers.csv").write_text("customer_id,age,plan,churned\n" + "\n".join(rows) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert main(["init", "--data", "customers.csv", "--target", "churned", "--seconds", "60"]) == 0
    return home


@pytest.fixture
def project(initialised, tmp_path, monkeypatch, capsys):
    """A copy of it, as the current folder."""
    home = shutil.copytree(initialised, tmp_path / "project")
    monkeypatch.chdir(home)
    capsys.readouterr()
    return home


def test_help_names_every_command_and_is_there_at_once():
    times = []
    for _ in range(3):
        before = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "pipelines", "--help"], capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - before)
    listed = [line.split()[0] for line in done.stdout.partition("Commands:")[2].splitlines() if line.strip()]
    assert [word for word in listed if word in COMMANDS.split()] == COMMANDS.split()
    assert min(times) < 0.6  # 0.15 s on an idle core; the machine may be busy with other tests


def test_no_line_of_the_help_is_cut(capsys):
    assert main(["--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (UserMistake("mend this"), 2, "mend this"),
        (DiskFullError("disk full"), 1, "disk full"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_every_way_to_end_has_its_status_and_one_message(error, status, message, monkeypatch, capsys):
    def run(root):
        raise error

    monkeypatch.setattr("pipelines.commands.list.run", run)
    assert main(["list"]) == status
    assert capsys.readouterr().err.strip() == message


def test_help_imports_no_heavy_library():
    code = (
        "import sys; from pipelines.cli import main; main(['--help']);"
        "print('loaded', [m for m in ('numpy', 'pandas', 'pydantic', 'ruamel', 'rich', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "loaded []" in done.stdout


def test_every_declared_command_has_its_module():
    names = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert sorted(names) == sorted(COMMANDS.split())
    missing = [name for name in names if not (ROOT / "pipelines" / "commands" / f"{name}.py").exists()]
    assert missing == []


@pytest.mark.parametrize("words", [["prune"], ["run", "--fource"], ["set"], ["predict"]])
def test_wrong_words_on_the_command_line_end_with_2(words, capsys):
    assert main(words) == 2
    assert "Error" in capsys.readouterr().err


def test_init_writes_a_project_that_has_no_mistake(project, capsys):
    names = {".gitignore", ".dvcignore", "params.yaml", "dvc.yaml", "espalier.lock", ".dvc", ".git"}
    assert names <= {path.name for path in project.iterdir()}
    text = (project / "params.yaml").read_text()
    assert "  drop: [customer_id]       # every row has its own value" in text
    assert "seconds: 60 " in text
    assert "espalier.lock: [search]" in (project / "dvc.yaml").read_text()
    assert main(["check"]) == 0
    assert "no mistakes" in capsys.readouterr().out


def test_init_says_what_it_saw(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(
        "key,x,y\n" + "".join(f"k{i},{i / 3},{'up' if i % 4 else 'down'}\n" for i in range(40))
    )
    assert main(["init", "here", "--data", "t.csv", "--target", "y", "--seconds", "none"]) == 0
    out = capsys.readouterr().out
    assert "40 rows, 3 columns" in out
    assert 'two classes: down 10 (25 %), up 30 (75 %); "up" is the event' in out
    assert "Next:  cd here && espalier run" in out
    text = (tmp_path / "here" / "params.yaml").read_text()
    assert "  source: ../t.csv" in text
    assert "  trials: 32 " in text
    assert main(["init", "here", "--data", "t.csv", "--target", "y"]) == 2
    assert "is there already" in capsys.readouterr().err


def test_init_of_a_table_with_bad_rows_says_how_to_leave_them_out(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i / 3},{'up' if i % 4 else 'down'}\n" for i in range(40))
    (tmp_path / "t.csv").write_text("x,y\n" + rows + "1,2,up\n")
    assert main(["init", "--data", "t.csv", "--target", "y"]) == 0
    out = capsys.readouterr().out
    assert "ingest.bad_rows: skip        (1 row of 41)" in out
    assert "Next:  mend that, then  espalier run" in out
    assert main(["set", "ingest.bad_rows=skip"]) == 0
    assert main(["check"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Say what to learn from"),
        (["--data", "no.csv", "--target", "y"], "no.csv"),
        (["--data", "example:irsi"], "Did you mean 'iris'"),
        (["--data", "example:iris", "--target", "specis"], "Did you mean 'species'"),
        (["--data", "example:iris", "--seconds", "many"], "--seconds is 'many', not a number above 0, or none"),
        (["--data", "example:iris", "--seconds", "-5"], "--seconds is '-5', not a number above 0, or none"),
    ],
)
def test_init_refuses_with_one_message_and_leaves_nothing(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "new", *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_check_tells_all_mistakes_and_the_json_has_the_same_facts(project, capsys):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("pruner:", "prunner:").replace("churned", "churn"))
    assert main(["check"]) == 2
    assert "params.yaml has 2 mistakes. Nothing was started" in capsys.readouterr().out
    assert main(["check", "--json"]) == 2
    facts = json.loads(capsys.readouterr().out)
    assert [fact["place"] for fact in facts] == ["validate.target", "search.prunner"]
    assert facts[0]["way_out"] == "Did you mean 'churned'?"


def test_check_fix_adds_a_missing_word_and_brings_dvc_yaml_in_step(project, capsys):
    file = project / "params.yaml"
    text = file.read_text()
    file.write_text(text.partition("\nexport:")[0].replace("source: customers.csv", "source: raw/*.csv") + "\n")
    (project / "raw").mkdir()
    (project / "customers.csv").rename(project / "raw" / "customers.csv")
    assert main(["check"]) == 2
    out = capsys.readouterr().out
    assert "Add the line:  export: {}" in out
    assert "name ${ingest.source}, but ingest.source is raw/*.csv" in out
    assert main(["check", "--fix"]) == 0
    assert "export: {}                  # one folder" in file.read_text()
    assert "    deps:\n      - raw\n    params:\n      - ingest\n" in (project / "dvc.yaml").read_text()


def test_set_changes_one_line_and_all_or_none(project, capsys):
    before = (project / "params.yaml").read_text()
    assert main(["set", "boosting.trials=40", "search.sampler=random"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "  - " + next(line for line in before.splitlines() if "trials: auto" in line),
        "  + " + next(line for line in before.splitlines() if "trials: auto" in line).replace("auto  ", "40    ", 1),
    ]
    before = (project / "params.yaml").read_text()
    assert main(["set", "boosting.trials=50", "search.sampler=tpee"]) == 2
    assert "Did you mean 'tpe'" in capsys.readouterr().err
    assert (project / "params.yaml").read_text() == before
    assert main(["set", "boosting.trials"]) == 2
    assert "Write KEY=VALUE" in capsys.readouterr().err


def test_set_of_the_source_keeps_dvc_yaml_in_step(project):
    assert main(["set", "ingest.source=example:wine"]) == 0
    assert "deps:\n      - ${ingest.source}" not in (project / "dvc.yaml").read_text()
    assert main(["set", "ingest.source=customers.csv"]) == 0
    assert "deps:\n      - ${ingest.source}" in (project / "dvc.yaml").read_text()


def test_fix_writes_the_cure_of_a_finding(project, capsys):
    assert main(["fix"]) == 2
    assert "There are no findings yet" in capsys.readouterr().err
    finding = {
        "severity": "error",
        "word": "leakage",
        "columns": ["plan"],
        "sentence": "",
        "fix": {"key": "validate.drop", "value": ["plan"]},
    }
    write_json(project / ".espalier" / "findings.json", [finding, {**finding, "word": "missing", "fix": None}])
    assert main(["fix"]) == 0
    assert "leakage     validate.drop: [plan]" in capsys.readouterr().out
    assert main(["fix", "leakage"]) == 0
    assert "+   drop: [customer_id, plan]  # every row has its own value" in capsys.readouterr().out
    assert main(["fix", "leak"]) == 2
    assert "Did you mean 'leakage'" in capsys.readouterr().err


def test_params_short_and_full_are_inverse(project, capsys):
    full = (project / "params.yaml").read_text()
    assert main(["params"]) == 0
    assert capsys.readouterr().out == full
    assert main(["params", "--short"]) == 0
    assert len((project / "params.yaml").read_text().splitlines()) < 20
    assert main(["check"]) == 0
    assert main(["params", "--full"]) == 0
    assert (project / "params.yaml").read_text() == full


def test_pin_writes_the_counts_that_were_reached(project, capsys):
    assert main(["pin"]) == 2
    assert "There is no finished search to pin" in capsys.readouterr().err
    for word, trials, refit in (("search", 412, 3), ("boosting", 63, 8)):
        note = {"study": "x", "ended_by": "seconds", "trials": trials, "complete": 9, "keep": 8, "repeatable": True}
        note["refit"] = refit
        write_json(project / ".espalier" / "studies" / f"{word}.json", note)
        write_json(project / "data" / word / f"{word}.json", {"trials": trials})
    assert main(["set", "bagging.repeats=3"]) == 0
    grown = {"members": ["linear", "random_forest"], "trees": 120, "repeats": 2}
    write_json(project / "data" / "bagging" / "bagging.json", grown)
    assert main(["pin"]) == 0
    text = (project / "params.yaml").read_text()
    assert "seconds: none " in text
    assert "  trials: 412 " in text
    assert "  trials: 63 " in text
    assert text.count("  refit: 3 ") == text.count("  refit: auto ") == 1, "the clock left five networks and no booster"
    assert "  members: [random_forest, linear] " in text
    assert "  trees: 120 " in text
    assert "  repeats: 2 " in text
    note["repeatable"] = False
    write_json(project / ".espalier" / "studies" / "boosting.json", note)
    assert main(["pin"]) == 2
    assert "boosting cannot be pinned" in capsys.readouterr().err


def test_lock_writes_and_says_what_changed(project, capsys):
    assert main(["lock"]) == 0
    assert "is as it was" in capsys.readouterr().out
    file = project / "espalier.lock"
    file.write_text(file.read_text().replace("search:   {", 'search:   {old: "1", '))
    assert main(["lock"]) == 0
    assert "to be run again: search." in capsys.readouterr().out
    file.write_text("<<<<<<< HEAD\n" + file.read_text())
    assert main(["lock"]) == 0
    assert "Wrote espalier.lock." in capsys.readouterr().out


@pytest.mark.parametrize("text", ["stages: [\n", "stages: 3\n", ""])
def test_a_dvc_yaml_that_is_none_is_told_once(text, project, capsys):
    (project / "dvc.yaml").write_text(text)
    for command in (["check"], ["check", "--fix"], ["run"]):
        assert main(command) == 2
        said = "".join(capsys.readouterr())
        assert said.count("dvc.yaml") == 1
        assert "write it anew:  espalier check --fix" in " ".join(said.split()).replace("anew: ", "anew:  ")
    (project / "dvc.yaml").unlink()
    assert main(["check", "--fix"]) == 0


@pytest.mark.parametrize(
    ("key", "sentences"),
    [
        ("", ["ingest     any source becomes one typed table"]),
        ("split", ["split.folds: 5", "data/split/", "pipelines/split.py, components/data/splits.py"]),
        ("search.pruner", ["may be    one of none, median, halving", "here      halving   (params.yaml, line "]),
        ("search.network.dropout", ["search.network.mlp.dropout", "here any value may also be a range"]),
        ("metric", ["binary", "roc_auc", "regression"]),
        ("seconds", ["core-seconds", "search 55 %"]),
        ("validate.columns", ["{zip: categorical"]),
    ],
)
def test_explain(key, sentences, project, capsys):
    assert main(["explain", *([key] if key else [])]) == 0
    out = capsys.readouterr().out
    on_one_line = " ".join(out.split())
    assert all(sentence in out or sentence in on_one_line for sentence in sentences)


def test_explain_knows_no_other_words(project, capsys):
    assert main(["explain", "search.prunner"]) == 2
    assert "Did you mean 'search.pruner'" in capsys.readouterr().err


def test_the_techniques_their_keys_their_files_and_the_readme_agree(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for one in TECHNIQUES:
        assert one.file in out
        assert (ROOT / one.file).exists(), one.file
        assert not one.key or any(is_key(one.key, kind) for kind in KINDS), one.key
    readme = (ROOT / "README.md").read_text()
    between = readme.partition("<!-- techniques -->\n")[2].partition("<!-- /techniques -->")[0]
    assert between == markdown()


def is_key(dotted, kind):
    from components.project.keys import find_key

    try:
        find_key(dotted, kind)
    except UserMistake:
        return False
    return True


def test_a_stage_word_goes_to_its_stage_without_typer(tmp_path):
    command = [sys.executable, "-X", "importtime", "-P", "-m", "pipelines", "split"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2, "there is no params.yaml here"
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "pipelines.engine.stage" in imported
    assert not imported & {"typer", "prefect", "dvc"}


def test_the_shipped_file_is_the_full_form_without_mistakes():
    from components.project.check import find_mistakes
    from components.project.documents import parse
    from components.project.render import full

    assert find_mistakes(ROOT) == []
    text = (ROOT / "params.yaml").read_text()
    assert full(parse(text, "params.yaml").values) == text


def test_ingest_refuses_when_dvc_yaml_watches_another_source(project, capsys):
    file = project / "params.yaml"
    file.write_text(file.read_text().replace("source: customers.csv", "source: example:iris"))
    with pytest.raises(
        UserMistake, match=r"deps of ingest name \$\{ingest.source\}, but ingest.source is example:iris"
    ):
        refuse_other_source(project, "example:iris")
    assert main(["check", "--fix"]) == 2  # the target is no column of iris
    assert "    deps:" not in (project / "dvc.yaml").read_text().partition("  validate:")[0]
    refuse_other_source(project, "example:iris")


def test_a_lost_lock_is_written_again_and_named_where_nothing_may_be_written(project):
    file = project / "espalier.lock"
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(UserMistake, match=r"There is no espalier\.lock\. --frozen .* git checkout espalier\.lock"):
        renew(project, frozen=True)
    assert not file.exists()
    assert renew(project, frozen=False).startswith("There was no espalier.lock; it is written")
    assert file.read_bytes() == content
    assert renew(project, frozen=False) == ""
    file.unlink()
    shutil.copy(ROOT / "dvc.yaml", project / "dvc.yaml")  # lists the code itself
    assert renew(project, frozen=True) == ""
    assert not file.exists()
