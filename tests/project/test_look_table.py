"""What `init` decides from a table's size."""

from components.project import look_table
from components.project.look_table import LEAST_EPOCHS, MOST_EPOCHS, look


def seen(tmp_path, rows, seconds):
    lines = [f"{number},{number % 7},{'ab'[number % 2]}" for number in range(rows)]
    (tmp_path / "t.csv").write_text("x,z,y\n" + "\n".join(lines) + "\n")
    return look(tmp_path, "t.csv", "y", seconds).values


def epochs(tmp_path, rows, seconds):
    return seen(tmp_path, rows, seconds).get("search")


def test_networks_get_as_many_epochs_as_the_clock_has_room_for(tmp_path):
    most = {"low": MOST_EPOCHS // 4, "high": MOST_EPOCHS, "log": True}
    assert epochs(tmp_path, 300, 600.0) == {"training": {"epochs": most}}
    few, more = (epochs(tmp_path, 8_000, seconds)["training"]["epochs"]["high"] for seconds in (60.0, 240.0))
    assert LEAST_EPOCHS < few < more < MOST_EPOCHS
    assert more in range(4 * few, 4 * few + 4)
    assert epochs(tmp_path, 5_000, 5.0)["training"]["epochs"]["high"] == LEAST_EPOCHS


def test_where_counts_end_the_search_the_epochs_are_those_of_the_settings(tmp_path):
    assert epochs(tmp_path, 300, None) is None


def test_many_rows_for_few_seconds_get_fewer_folds(tmp_path):
    assert "split" not in seen(tmp_path, 2_000, 10.0)
    assert seen(tmp_path, 6_000, 20.0)["split"] == {"folds": 3}
    assert seen(tmp_path, 6_000, 5.0)["split"] == {"folds": 1}


def test_catboost_is_taken_where_it_is_installed_and_has_time(tmp_path, monkeypatch):
    all_three = {"library": ["lightgbm", "xgboost", "catboost"]}
    assert seen(tmp_path, 2_000, 60.0)["boosting"] == all_three
    assert "boosting" not in seen(tmp_path, 20_000, 5.0)
    assert "boosting" not in seen(tmp_path, 2_000, None)
    monkeypatch.setattr(look_table.importlib.util, "find_spec", lambda name: None)
    assert "boosting" not in seen(tmp_path, 2_000, 60.0)


def test_what_is_missing_is_counted_among_the_rows_that_were_looked_at(tmp_path, monkeypatch):
    lines = "".join(f"{'' if number % 2 else number},{'ab'[number % 3 == 0]}\n" for number in range(400))
    (tmp_path / "t.csv").write_text("x,y\n" + lines)
    assert ("x", "nothing in 200 rows: missing") in look(tmp_path, "t.csv", "y", None).lines
    monkeypatch.setattr(look_table, "LOOKED_AT_ROWS", 100)
    assert ("x", "nothing in 50 of the first 100 rows: missing") in look(tmp_path, "t.csv", "y", None).lines
