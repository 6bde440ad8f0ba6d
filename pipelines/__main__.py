"""`python -P -m pipelines <stage>` runs one stage, as dvc.yaml asks; any other word goes to the command line.

A stage's child loads neither typer nor Prefect: it is started ten times in every run, and forked where that can be.
"""

import sys


def main() -> int:
    """Return the exit status of the stage or of the command."""
    from pipelines.engine.words import WORDS

    if len(sys.argv) == 2 and sys.argv[1] in WORDS:
        from pipelines.engine.ask_warm import ask

        if (status := ask(sys.argv[1])) is not None:
            return status
        from pipelines.engine.runner import main as stage_main

        return stage_main(sys.argv[1])
    from pipelines.cli import main as command_main

    return command_main()


if __name__ == "__main__":
    sys.exit(main())
