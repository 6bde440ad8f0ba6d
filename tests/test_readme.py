"""Every command and every block of the README is run as it stands, in a project of its own. Only the work is cut down:
fewer seconds, folds, epochs and trials (`pin` needs finished ones, on a slow or busy machine, too).

Left out: what fetches or installs (`git clone`, `pip install`, `make`); for these the words are checked, and `.ci/run`
runs them on a clean clone.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components.project.families import load_bundle

README = Path(__file__).parents[1] / "README.md"
LEFT_OUT = ("git clone", "pip install", "make ")
SECONDS = ("--seconds 600", "--seconds 240")
CUT = (
    "espalier set split.folds=2 search.training.epochs=6",
    "espalier set search.trials=4 boosting.trials=3 evaluate.resamples=100",  # the seconds stay a limit
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


def commands() -> list[str]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines)
    return [line.removeprefix("$ ").split("  #")[0].strip() for line in lines]


def write_customers(path: Path, num_rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    tenure = random.integers(1, 72, num_rows)
    charges = random.normal(65, 20, num_rows).round(2)
    contract = random.choice(["month", "one year", "two years"], num_rows)
    odds = 0.03 * (charges - 65) - 0.05 * (tenure - 30) + (contract == "month")
    churned = np.where(random.random(num_rows) < 1 / (1 + np.exp(-odds)), "yes", "no")
    columns = {"customer_id": [f"C{seed}-{row:05d}" for row in range(num_rows)], "tenure": tenure, "charges": charges}
    pd.DataFrame({**columns, "contract": contract, "churned": churned}).to_csv(path, index=False)


class Shell:
    """Runs lines one after another; `cd` lasts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
        self.environment["PATH"] = f"{Path(sys.executable).parent}:{self.environment['PATH']}"
        self.environment["BROWSER"] = "/bin/true"
        where = folder / "where"
        self.tail = f' && pwd > "{where}"'
        self.where = where

    def run(self, line: str) -> str:
        done = subprocess.run(
            ["bash", "-c", line + self.tail],
            cwd=self.folder,
            env=self.environment,
            text=True,
            capture_output=True,
            timeout=400,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        self.folder = Path(self.where.read_text().strip())
        return done.stdout + done.stderr

    def opens(self, line: str, sign: str) -> None:
        """Start a command that serves until it is stopped, wait for its first sign, stop it by its own id."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {line}"],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert process.stdout is not None
        said = ""
        while sign not in said:
            piece = process.stdout.readline()
            assert piece, f"{line} ended before it said {sign!r}: {said}"
            said += piece
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


@pytest.mark.timeout(900)
def test_the_readme_can_be_followed_word_for_word(tmp_path: Path) -> None:
    write_customers(tmp_path / "customers.csv", 300, seed=1)
    shell = Shell(tmp_path)
    seen = []
    try:
        for line in commands():
            if line.startswith(LEFT_OUT):
                continue
            if line.startswith("espalier predict"):
                write_customers(shell.folder / "new_customers.csv", 7, seed=2)
            if line == "espalier dashboard":
                shell.opens(line, "until      Ctrl-C")
            else:
                shell.run(line.replace(*SECONDS))
            if line.startswith("espalier init"):
                for smaller in CUT:
                    shell.run(smaller)
            if line == "espalier run":
                shell.run("git add -A && git commit -qm grown")
            seen.append(line)
    finally:
        shell.run("espalier down")
    assert len(seen) > 10
    scored = pd.read_csv(shell.folder / "scored.csv")
    assert list(scored) == ["prediction", "probability_no", "probability_yes"]
    assert len(scored) == 7
    frame = pd.read_csv(shell.folder / "new_customers.csv", index_col="customer_id")
    names = {"frame": frame}
    (python,) = blocks("python")
    exec(python.replace("data/export", str(shell.folder / "data/export")), {"load_bundle": load_bundle}, names)
    assert list(names["answers"].index) == list(frame.index)
    np.testing.assert_allclose(names["answers"]["probability_yes"], scored["probability_yes"], atol=1e-6)


def test_make_and_pip_lines_name_what_there_is() -> None:
    targets = re.findall(r"^([a-z-]+):", (README.parent / "Makefile").read_text(), flags=re.MULTILINE)
    left_out = [line for line in commands() if line.startswith(LEFT_OUT)]
    assert {line.split("make ")[-1].split()[0] for line in left_out if "make " in line} <= set(targets)
    assert 'name = "espalier-automl"' in (README.parent / "pyproject.toml").read_text()
    assert [line for line in left_out if "pip" in line] == ['pip install "espalier-automl[cpu]"']


def test_the_short_params_of_the_readme_are_what_espalier_reads(tmp_path: Path) -> None:
    from components.project.params import read_params, section
    from pipelines.engine.stage import WORDS

    (text,) = blocks("yaml")
    (tmp_path / "params.yaml").write_text(text)
    params = read_params(tmp_path)
    assert params.seconds == 600
    assert section(params, "validate").target == "churned"
    assert all(section(params, word) is not None for word in WORDS)
