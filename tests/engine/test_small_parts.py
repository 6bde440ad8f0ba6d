"""Locks, ledger, clock, chain, events, terminal: the parts of the engine that need no process."""

import io
import json
import threading
import time
from pathlib import Path

import pytest

from components.core.cores import num_cores
from components.core.deadlines import Deadline
from components.core.errors import UserMistake
from components.core.files import write_json
from components.search.result import Kept, SearchResult
from pipelines.engine import branch_time, chain, clock, ledger
from pipelines.engine.dry import describe
from pipelines.engine.dvc_graph import Change
from pipelines.engine.events import Event, Reader, Teller
from pipelines.engine.locks import lease_cores, run_lock
from pipelines.engine.milestones import FoundAgain
from pipelines.engine.searching import leaving_time_to_refit
from pipelines.engine.stage import Progress
from pipelines.engine.terminal import Terminal, clock_of, cut, duration, spoken


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with (
        run_lock(tmp_path, "espalier run"),
        pytest.raises(UserMistake, match=r"is going on \(espalier run, process \d+, since"),
        run_lock(tmp_path, "another"),
    ):
        raise AssertionError("two at once")
    with run_lock(tmp_path, "the next"):
        pass


def test_cores_are_leased_all_at_once(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with lease_cores(tmp_path, 2, 3) as cores:
            order.append(f"second has {cores}")

    with lease_cores(tmp_path, 2, 3):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        order.append("first ends")
    thread.join()
    assert order == ["first ends", "second has 2"]
    assert num_cores() >= 1


def line(**changes) -> ledger.Line:
    known = {"run": "r", "stage": "search", "state": "done", "began": 1.0, "seconds": 2.0, "work_seconds": 1.5}
    return ledger.Line(**{**known, "cores": 2, "key": "k", "text": "ö", **changes})


def test_the_ledger_survives_a_torn_line(tmp_path: Path) -> None:
    ledger.write_line(tmp_path, line())
    with ledger.path_of(tmp_path).open("a") as file:
        file.write('{"run": "x", "sta\n')
    ledger.write_line(tmp_path, line(seconds=3.0))
    ledger.write_line(tmp_path, line(stage="boosting", state="failed"))
    assert ledger.read_lines(tmp_path) == [line(), line(seconds=3.0), line(stage="boosting", state="failed")]
    assert ledger.last_by_stage(tmp_path) == {"search": line(seconds=3.0)}


def test_the_clock_goes_on_after_a_kill_and_is_forgotten_after_a_change(tmp_path: Path) -> None:
    assert clock.spent(tmp_path, "search", "key").seconds == 0.0
    for _ in range(2):
        with clock.beating(tmp_path, "search", "key") as now:
            time.sleep(0.2)
            now.done += 2
    left = clock.spent(tmp_path, "search", "key")
    assert 0.4 <= left.seconds < 5.0
    assert left.done == 4
    assert clock.spent(tmp_path, "search", "other key") == clock.Spent()
    clock.forget(tmp_path, "search")
    assert clock.spent(tmp_path, "search", "key").seconds == 0.0


def put(root: Path, word: str, made_from: dict[str, str]) -> str:
    folder = root / "data" / word
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "file").write_text(word)
    chain.write_out_record(folder, word, made_from)
    return json.loads((folder / "out.json").read_text())["hash"]


def test_the_chain_names_all_ancestors_and_refuses_a_stale_one(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="data/ingest is not there or not whole, and validate stands on it"):
        chain.read_made_from(tmp_path, "validate")
    first = put(tmp_path, "ingest", {})
    made_from = chain.read_made_from(tmp_path, "validate")
    assert made_from == {"ingest": first}
    second = put(tmp_path, "validate", made_from)
    assert chain.read_made_from(tmp_path, "split") == {"ingest": first, "validate": second}
    (tmp_path / "data" / "ingest" / "file").write_text("changed")
    chain.write_out_record(tmp_path / "data" / "ingest", "ingest", {})
    with pytest.raises(UserMistake, match="made from another data/ingest than the one that lies there"):
        chain.read_made_from(tmp_path, "split")


def test_the_record_of_an_out_is_the_same_bytes_again(tmp_path: Path) -> None:
    put(tmp_path, "ingest", {})
    before = (tmp_path / "data" / "ingest" / "out.json").read_bytes()
    put(tmp_path, "ingest", {})
    assert (tmp_path / "data" / "ingest" / "out.json").read_bytes() == before


def test_events_are_read_once_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    teller, reader = Teller("search", file), Reader(file)
    assert list(reader.new()) == []
    teller.tell("begun", pid=7)
    teller.progress(Progress(done=1, total=4, best=0.5))
    teller.progress(Progress(done=2))  # too soon after the one before
    assert [event.kind for event in reader.new()] == ["begun", "progress"]
    with file.open("a") as half:
        half.write('{"at": 1.0, "stage": "search", ')
    assert list(reader.new()) == []
    with file.open("a") as half:
        half.write('"kind": "done"}\n')
    assert [event.kind for event in reader.new()] == ["done"]


def test_without_a_run_events_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller("search", None)
    teller.progress(Progress(done=3, total=12, best=0.84713, text="2 growing"))
    teller.tell("done", text="12 networks", seconds=41.31)
    said = capsys.readouterr().err.splitlines()
    assert said[0][9:] == "search    3 of 12, best 0.8471, 2 growing"
    assert said[1][9:] == "search    done 41.3 s  12 networks"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_block_is_drawn_in_place_and_stays_within_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    with Terminal(["ingest", "search", "export"], lambda: None, budget_seconds=600.0, stream=screen) as terminal:
        terminal.show(Event(at=time.time(), stage="ingest", kind="done", text="150 rows, 5 columns", seconds=0.3))
        terminal.show(Event(at=time.time() - 65, stage="search", kind="begun"))
        progress = {"done": 6, "total": 12, "best": 0.9, "text": "16 growing, 91 cut, 2 failed"}
        terminal.show(Event(at=time.time(), stage="search", kind="progress", progress=progress))
        time.sleep(0.4)
    frames = screen.getvalue().split("\x1b[5A\x1b[J")
    assert len(frames) >= 2
    assert "\x1b[3" not in screen.getvalue()
    lines = frames[0].splitlines()
    assert lines[0] == "  ingest     done       0.3 s   150 rows, 5 columns"
    assert lines[1].startswith("  search     running     1:05   ━━━━━━━━━━━───────────  6 o")
    assert lines[2] == "  export     waiting"
    assert lines[4].startswith("  best so far 0.9000   0:00:00 of 0:10:00, ends ")
    assert max(map(len, lines)) <= 60


def test_the_last_line_says_since_when_it_is_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "96")
    screen = Screen()
    with Terminal(["search"], lambda: None, budget_seconds=None, stream=screen) as terminal:
        terminal.usable(14.9, time.localtime())
        time.sleep(0.4)
    assert "\n  usable since 0:14   0:00:00\n" in screen.getvalue()


def test_going_on_as_a_sentence() -> None:
    found = FoundAgain(found=268, of=268, noun="networks", spent_seconds=182.4)
    again = "Going on where it stopped: 268 of 268 networks found again, 3:02"
    assert found.sentence(600.0) == f"{again} of 10:00 spent."
    assert found.sentence(None) == f"{again} spent."


def test_times_as_people_write_them() -> None:
    assert [duration(seconds) for seconds in (0.94, 38.4, 182.0, 3723.0)] == ["0.9 s", "38.4 s", "3:02", "1:02:03"]
    assert [clock_of(seconds) for seconds in (0.0, 238.9, 3723.0)] == ["0:00:00", "0:03:58", "1:02:03"]
    assert [spoken(seconds) for seconds in (4.04, 12.4, 592.0, 7500.0)] == ["4.0 s", "12 s", "9 min 52 s", "2 h 5 min"]
    assert cut("0123456789", 5) == "0123…"


def test_a_change_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("seed: 0\nboosting:\n  trials: 40\n")
    change = Change(what="params.yaml", key="boosting.trials", old="auto", new=40)
    assert describe(tmp_path, change) == "boosting.trials  auto -> 40  (params.yaml, line 3)"
    assert describe(tmp_path, Change(what="data/split", how="deleted")) == "data/split is deleted"
    assert describe(tmp_path, Change(what="dvc.yaml", how="new")) == "it has never run"


def test_reading_json_that_is_being_written_is_no_error(tmp_path: Path) -> None:
    write_json(tmp_path / ".espalier" / "clock" / "search.json", {"key": 1})
    assert clock.spent(tmp_path, "search", "key").seconds == 0.0


@pytest.mark.parametrize(
    ("ended_by", "refit_seconds", "ends"),
    [
        ("seconds", 10.0, [75, 90]),
        ("seconds", 60.0, [75, 40]),
        ("seconds", 95.0, [75]),
        ("trials", 10.0, [75]),
        ("seconds", None, [100]),
    ],
    ids=["most is left", "some is left", "too little is left", "nothing to search", "no refit"],
)
def test_time_kept_back_that_refits_do_not_need_is_searched_in(ended_by, refit_seconds, ends) -> None:
    deadline, asked = Deadline.after(100), []

    def searched(*, deadline: Deadline, guarded: list[int] | None = None) -> SearchResult:
        asked.append(deadline.left())
        return found([2], ended_by=ended_by)

    leaving_time_to_refit(searched, deadline, None if refit_seconds is None else lambda _: refit_seconds)
    assert asked == pytest.approx(ends, abs=2)


def found(fold_scores: list[int], **changes) -> SearchResult:
    """Return what a search has found: how many fold scores each of the kept has."""
    kept = [
        Kept(number=number, score=0.5, fold_scores_S=(0.5,) * count, folder=Path())
        for number, count in enumerate(fold_scores)
    ]
    known = {"trials": (), "ended_by": "seconds", "repeatable": True, "num_score_folds": 1, "greater_is_better": True}
    return SearchResult(kept=tuple(kept), **{**known, "closed": (), "front": (), **changes})


@pytest.mark.parametrize(
    ("longer", "taken"),
    [
        (found([5, 5, 5]), True),
        (found([5, 5]), True),
        (found([5]), False),
        (found([5, 5, 2], repeatable=False), False),
    ],
)
def test_what_was_found_stands_where_newcomers_were_cut_off(longer, taken) -> None:
    first = found([5, 5])
    results, guards = iter([first, longer]), []

    def searched(*, deadline: Deadline, guarded: list[int] | None = None) -> SearchResult:
        guards.append(guarded)
        return next(results)

    best = leaving_time_to_refit(searched, Deadline.after(100), lambda _: 1.0)
    assert best is (longer if taken else first)
    assert guards == [None, [0, 1]], "the weights of what was found stay"


def test_answers_are_counted_where_there_are_more_than_two_classes(tmp_path):
    assert branch_time._judged(tmp_path, "table") == {}
    write_json(tmp_path / "split.json", {"rows_fold": [40, 30], "rows_test": 10, "rows_train": 100})
    for classes, answers in (([], 0), (["a", "b"], 0), (["a", "b", "c"], 240)):
        write_json(tmp_path / "schema.json", {"classes": classes})
        judged = {"answers": answers, "numbers": not classes, "pictures": 0}
        assert branch_time._judged(tmp_path, "table") == judged
        assert branch_time._judged(tmp_path, "image") == {**judged, "pictures": 80}
