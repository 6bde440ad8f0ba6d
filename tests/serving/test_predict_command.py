"""`espalier predict` and `espalier report`: files in, files out, doubts on stderr, mistakes in one sentence."""

import shutil
import webbrowser

import numpy as np
import pandas as pd
import pytest
from test_bundle import FACTS, LOADERS, ensemble_folder, rows

import pipelines.commands.predict as predict
import pipelines.commands.report as report
from components.core.errors import UserMistake
from components.core.files import write_json
from components.serving.bundle import write_bundle


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "data" / "export").mkdir(parents=True)
    write_bundle(tmp_path / "data" / "export", ensemble_folder(tmp_path / "stacking"), LOADERS, FACTS, card=True)
    monkeypatch.setattr(predict, "loaders", lambda: LOADERS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("source", ["new.csv", "new.csv.gz", "new.tsv", "new.parquet"])
@pytest.mark.parametrize("out", ["out.csv", "out.csv.gz", "out.parquet"])
def test_any_form_in_any_form_out_in_order(folder, source, out, capsys):
    frame = rows()
    if source.endswith("parquet"):
        frame.to_parquet(source, index=False)
    else:
        frame.to_csv(source, index=False, sep="\t" if "tsv" in source else ",")
    predict.run(folder, rows=folder / source, out=folder / out)
    found = pd.read_parquet(out) if out.endswith("parquet") else pd.read_csv(out)
    assert list(found["prediction"]) == ["no", "yes", "no"]
    np.testing.assert_allclose(found["probability_yes"], [0.2, 0.8, 0.35], atol=1e-6)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "3 rows answered" in printed.err


def test_a_packed_answer_has_the_same_bytes_again(folder):
    rows().to_csv("new.csv", index=False)
    first, again = folder / "a.csv.gz", folder / "b.csv.gz"
    predict.run(folder, rows=folder / "new.csv", out=first)
    predict.run(folder, rows=folder / "new.csv", out=again)
    assert first.read_bytes() == again.read_bytes()


def test_outside_of_any_project_with_a_bundle(folder, tmp_path_factory, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(folder / "data" / "export", elsewhere / "model")
    monkeypatch.chdir(elsewhere)
    rows().to_csv("new.csv", index=False)
    predict.run(elsewhere, rows=elsewhere / "new.csv", out=elsewhere / "out.csv", bundle=elsewhere / "model")
    assert len(pd.read_csv("out.csv")) == 3


def test_doubts_go_to_stderr_and_stop_nothing(folder, capsys):
    rows(age=[20, 200, 35]).to_csv("new.csv", index=False)
    predict.run(folder, rows=folder / "new.csv", out=folder / "out.csv")
    assert "warning  age: 1 row has a value outside 18 to 90 of training (200)" in capsys.readouterr().err
    assert len(pd.read_csv("out.csv")) == 3


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_no_rows_get_no_answers(folder, name, capsys):
    none = rows().iloc[:0]
    none.to_csv(name, index=False) if name.endswith("csv") else none.to_parquet(name)
    predict.run(folder, rows=folder / name, out=folder / "out.csv")
    assert "0 rows answered" in capsys.readouterr().err
    assert (folder / "out.csv").read_text() == "prediction,probability_no,probability_yes\n"


def test_mistakes_write_nothing(folder):
    rows().drop(columns="age").to_csv("new.csv", index=False)
    with pytest.raises(UserMistake, match="lack the column 'age'"):
        predict.run(folder, rows=folder / "new.csv", out=folder / "out.csv")
    with pytest.raises(UserMistake, match=r"out\.xls: the name must end in \.csv, \.csv\.gz or \.parquet"):
        predict.run(folder, rows=folder / "new.csv", out=folder / "out.xls")
    with pytest.raises(UserMistake, match=r"gone\.csv: there is no such file"):
        predict.run(folder, rows=folder / "gone.csv", out=folder / "out.csv")
    with pytest.raises(UserMistake, match="there is no folder"):
        predict.run(folder, rows=folder / "new.csv", out=folder / "not" / "out.csv")
    with pytest.raises(UserMistake, match="that is the file with the rows"):
        predict.run(folder, rows=folder / "new.csv", out=folder / "new.csv")
    (folder / "folder.csv").mkdir()
    with pytest.raises(UserMistake, match="that is a folder"):
        predict.run(folder, rows=folder / "new.csv", out=folder / "folder.csv")
    shutil.rmtree(folder / "data")
    with pytest.raises(UserMistake, match=r"there is no data/export here\. Grow a model with: espalier run"):
        predict.run(folder, rows=folder / "new.csv", out=folder / "out.csv")
    assert not list(folder.glob("*out*"))


def test_report_opens_the_page_or_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    for text in (False, True):
        with pytest.raises(UserMistake, match="there is no report yet"):
            report.run(tmp_path, text=text)
    (tmp_path / "data" / "evaluate").mkdir(parents=True)
    (tmp_path / "data" / "evaluate" / "report.html").write_text("<p>")
    report.run(tmp_path)
    assert opened == [(tmp_path / "data" / "evaluate" / "report.html").as_uri()]
    assert capsys.readouterr().out == "data/evaluate/report.html\n"


def test_why_a_search_ended_is_read_from_beside_the_outs(tmp_path):
    write_json(tmp_path / ".espalier" / "studies" / "search.json", {"study": "x", "ended_by": "seconds"})
    write_json(tmp_path / ".espalier" / "studies" / "boosting.json", {"study": "y"})
    assert report.read_endings(tmp_path / ".espalier" / "studies") == {"search": "seconds"}
