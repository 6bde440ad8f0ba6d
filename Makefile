# Two commands: `make run` grows the tree that params.yaml declares, `make test` runs the gate and the tests.
# Both install what they need into .venv, once; a changed pyproject.toml or constraints.txt installs again.

PYTHON ?= python3
EXTRA  ?= cpu
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
export DO_NOT_TRACK := 1
export DVC_NO_ANALYTICS := 1

.DEFAULT_GOAL := help
.PHONY: help install run repro check test test-all format clean

help:        ## this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | column -t -s '|'

.venv/installed-$(EXTRA): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Espalier needs Python 3.11 or newer; PYTHON=python3.x make $(MAKECMDGOALS)"; exit 2; }
	@echo "Installing into .venv (once, about 3 minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install --constraint constraints.txt --editable '.[$(EXTRA)]'
	@touch $@

.venv/installed-dev: .venv/installed-$(EXTRA)
	@echo "Installing what the tests need ..."
	@$(PIP) install --constraint constraints.txt --editable '.[$(EXTRA),dev]'
	@touch $@

install: .venv/installed-$(EXTRA) ## install into .venv; EXTRA=gpu takes the XGBoost that can use a GPU

run: install ## grow the tree: espalier run
	@$(BIN)/espalier run

repro: install ## the same by DVC alone: dvc repro
	@PATH="$(CURDIR)/$(BIN):$$PATH" dvc repro

check: .venv/installed-dev ## the gate: format, lint, types, import arrows
	@$(BIN)/ruff format --check --quiet . || { echo "Not formatted. Run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: check ## the gate and the tests, about 9 minutes on 2 cores
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist loadscope --no-loadscope-reorder -m "not slow"

test-all: check ## and the longer checks
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 3 --dist loadscope --no-loadscope-reorder

format: .venv/installed-dev ## write the one format
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --fix --quiet .

clean: ## forget all results and studies; .venv and the DVC cache stay
	@git clean -fdxq data .espalier
