"""What DVC shows of a tree: metrics, params, plots, and their differences to a commit."""

from whole_project import Project

METRICS = "data/evaluate/metrics.json"


def test_metrics_show_and_diff(grown: Project, more_boosters: Project) -> None:
    shown = grown.json("dvc", "metrics", "show", "--json")[""]["data"][METRICS]["data"]
    assert 1 <= len(shown) <= 24
    assert all(isinstance(value, int | float) for value in shown.values())
    assert shown["rows_test"] == 36
    changes = more_boosters.json("dvc", "metrics", "diff", "--all", "--json")[METRICS]
    assert set(changes) == set(shown)
    assert changes["rows_test"]["old"] == changes["rows_test"]["new"] == 36


def test_params_diff(grown: Project, more_boosters: Project) -> None:
    assert grown.json("dvc", "params", "diff", "--json") == {}
    assert more_boosters.json("dvc", "params", "diff", "--json") == {
        "params.yaml": {"boosting.trials": {"old": 2, "new": 3, "diff": 1}}
    }


def test_plots_show_and_diff(grown: Project, more_boosters: Project) -> None:
    wanted = {"learning curves", "leaderboard", "search", "confusion"}  # calibration is drawn for two classes
    shown = grown.json("dvc", "plots", "show", "--json")
    assert "errors" not in shown
    assert wanted <= set(shown["data"])
    for name in wanted:
        (plot,) = shown["data"][name]
        assert plot["content"]["data"]["values"], name
    both = more_boosters.json("dvc", "plots", "diff", "--json", "HEAD")
    assert "errors" not in both
    (history,) = both["data"]["leaderboard"]
    assert {row["rev"] for row in history["content"]["data"]["values"]} == {"HEAD", "workspace"}
