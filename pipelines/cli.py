"""The command `espalier`: every command with its words; what a command does is in `pipelines/commands/`.

A command is imported when it is called, so that `espalier --help` answers at once. Every `run` there takes the
project's folder first and returns an exit status or None (0). Errors of the user become one message on stderr.
Status: 0 done, 1 a stage failed, 2 the user's mistake, 3 stopped at the user's wish with a usable result, 130 stopped.
"""

import atexit
import contextlib
import importlib
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from components.core.errors import EspalierError

app = typer.Typer(
    name="espalier",
    help="One file says what is wanted. Espalier grows the model, proves how good it is, and can grow it again.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
)

Json = Annotated[bool, typer.Option("--json", help="The same facts as one JSON object.")]


def _call(command: str, **options: Any) -> None:
    """Import `pipelines.commands.<command>` and run it in the current folder; leave with its exit status."""
    from components.core.files import refusals_are_clear  # numpy, which --help has no time for

    try:
        module = importlib.import_module(f"pipelines.commands.{command}")
        with refusals_are_clear():
            status = module.run(Path.cwd(), **options) or 0
    except EspalierError as error:
        print(error, file=sys.stderr)
        status = error.exit_status
    except KeyboardInterrupt:
        status = 130
    raise typer.Exit(status)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="The new project's folder.")] = Path(),
    data: Annotated[str, typer.Option(help="File, glob, folder of pictures, or example:NAME.")] = "",
    target: Annotated[str, typer.Option(help="The column to predict; not for pictures.")] = "",
    seconds: Annotated[str, typer.Option(help="Time for the whole tree; none = counts instead.")] = "600",
    force: Annotated[bool, typer.Option("--force", help="Write over the files of a project.")] = False,
) -> None:
    """Look at the data and write a project: params.yaml, dvc.yaml."""
    _call("init", folder=folder, data=data, target=target, seconds=seconds, force=force)


@app.command()
def check(
    fix: Annotated[bool, typer.Option("--fix", help="Add missing sections, bring dvc.yaml in step.")] = False,
    as_json: Json = False,
) -> None:
    """Tell all mistakes of params.yaml at once."""
    _call("check", fix=fix, as_json=as_json)


@app.command()
def explain(
    key: Annotated[str, typer.Argument(help="A stage, or a key such as search.pruner.")] = "",
) -> None:
    """Explain a stage or a key, and what stands there now."""
    _call("explain", key=key)


@app.command()
def fix(
    word: Annotated[str, typer.Argument(help="The finding to cure, such as leakage; none: list them.")] = "",
) -> None:
    """Write the cure of a finding of validate into params.yaml."""
    _call("fix", word=word)


@app.command()
def run(
    stage: Annotated[str, typer.Option(help="This stage and what it stands on.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Also what is up to date.")] = False,
    dry: Annotated[bool, typer.Option("--dry", help="Say what would run, and run nothing.")] = False,
    frozen: Annotated[bool, typer.Option("--frozen", help="Stop when espalier.lock differs.")] = False,
    parallel: Annotated[str, typer.Option(metavar="N", help="Branches side by side.")] = "auto",
    as_json: Json = False,
) -> None:
    """Grow the tree: every stage that is not up to date."""
    _call("run", stage=stage, force=force, dry=dry, frozen=frozen, parallel=parallel, as_json=as_json)


@app.command()
def leaderboard(
    limit: Annotated[int, typer.Option(help="So many rows at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Show the best trials and members by their scores on folds."""
    _call("leaderboard", limit=limit, as_json=as_json)


@app.command()
def predict(
    rows: Annotated[
        Path, typer.Argument(metavar="ROWS", help="CSV or Parquet file of raw rows, or a folder of pictures.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .csv, .csv.gz or .parquet.")],
    bundle: Annotated[Path | None, typer.Option(help="An exported folder; data/export when left out.")] = None,
) -> None:
    """Predict raw rows with an exported bundle."""
    _call("predict", rows=rows, out=out, bundle=bundle)


@app.command()
def report(
    text: Annotated[bool, typer.Option("--text", help="Five plain lines for a mail.")] = False,
    md: Annotated[bool, typer.Option("--md", help="The comment for a pull request.")] = False,
) -> None:
    """Open the report in a browser, or print what it says."""
    _call("report", text=text, md=md)


@app.command()
def dashboard(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 = a free one.")] = 8081,
) -> None:
    """Open Optuna's dashboard on the studies of this project."""
    _call("dashboard", port=port)


@app.command()
def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 = a free one.")] = 4211,
) -> None:
    """Keep Prefect's server and the schedules running until `down`."""
    _call("up", port=port)


@app.command()
def down() -> None:
    """Stop what `espalier up` started."""
    _call("down")


@app.command()
def schedule(
    cron: Annotated[str, typer.Option(help='When to run, e.g. "0 6 * * 1".')] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the schedule away.")] = False,
) -> None:
    """Run this project at set times, served by `up`."""
    _call("schedule", cron=cron, remove=remove)


@app.command("list")
def list_() -> None:
    """List the techniques: their keys, and the file of each."""
    _call("list")


@app.command()
def params(
    short: Annotated[bool, typer.Option("--short", help="Take out what equals the default.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Write every key out, with its sentence.")] = False,
) -> None:
    """Print params.yaml in full, or rewrite it short or full."""
    _call("params", short=short, full=full)


@app.command("set")
def set_(
    changes: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="e.g. boosting.trials=40")],
) -> None:
    """Set lines of params.yaml and change nothing else in it."""
    _call("set", changes=changes)


@app.command()
def pin() -> None:
    """Write the counts that the clock decided into params.yaml."""
    _call("pin")


@app.command()
def why(
    what: Annotated[str, typer.Argument(metavar="STAGE|ROW", help="A stage, or a row's number, from 1.")],
) -> None:
    """Say why a stage ran or will run, or a row got its answer."""
    _call("why", what=what)


@app.command()
def lock() -> None:
    """Write espalier.lock: code and libraries of this tree."""
    _call("lock")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status. The entry point of `espalier` and of `python -m pipelines`."""
    ending = [1]  # of a fault of ours
    if arguments is None:
        atexit.register(_leave_at_once, ending)  # before any library's own, and so run after them
    try:
        app(args=arguments, prog_name="espalier")
    except SystemExit as end:  # typer ends so in any case: wrong words with 2
        ending[0] = end.code if isinstance(end.code, int) else 0
    return ending[0]


def _leave_at_once(ending: list[int]) -> None:
    """End the process: all is written, and Python's own ending takes a second to take Prefect and DVC down.

    A reading thread of pyarrow may still be up, and would abort it.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(ending[0])
