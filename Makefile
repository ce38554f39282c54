# Everything runs in .venv, with the versions of constraints.txt; a second run skips what is done.
#   make demo           install, then see Citewise at work: in the terminal, then in the browser
#   make demo NO_UI=1   in the terminal only
#   make test           linters, types, import rules and tests (make test ARGS="-k split" for some)
#   make eval           figures over a question file: make eval QUESTIONS=FILE.jsonl DATA=DIR
#   make bench          every benchmark (each has --help); they need a documentation folder: DATA=DIR

PYTHON ?= python3
VENV ?= .venv
DATA ?=
QUESTIONS ?=
ARGS ?=
NO_UI ?=
CODE := kb ingest assistant ui tests
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help install demo test lint format bench eval constraints clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))
	@echo "make lint | format | constraints | clean"

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit("Citewise needs Python 3.11 or newer: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

# setuptools comes first, so that its version is pinned too: pip would fetch the newest to build with.
$(VENV)/installed: $(VENV)/made pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt setuptools
	$(PIP) install -c constraints.txt --no-build-isolation -e .
	@touch $@

$(VENV)/installed-%: $(VENV)/installed
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[$*]'
	@touch $@

install: $(VENV)/installed

demo: $(VENV)/installed
	$(BIN)/citewise demo $(if $(NO_UI),--no-ui)

lint: $(VENV)/installed-test
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest $(ARGS)

format: $(VENV)/installed-test
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

bench: $(VENV)/installed-bench
	$(BIN)/python tests/bench/bench_embed.py $(if $(DATA),--data "$(DATA)")
	$(BIN)/python tests/bench/bench_ingest.py $(if $(DATA),--data "$(DATA)")
	$(BIN)/python tests/bench/bench_scale.py

# In a home of its own, which a second run only brings up to date.
eval: $(VENV)/installed
	@test -n "$(QUESTIONS)" -a -n "$(DATA)" || { echo 'make eval QUESTIONS=FILE.jsonl DATA=DIR'; exit 2; }
	$(BIN)/citewise --home $(VENV)/eval ingest "$(DATA)"
	$(BIN)/citewise --home $(VENV)/eval eval "$(QUESTIONS)"

# The newest of everything that pyproject.toml allows; a local build's name (+cpu) is not part of a version.
constraints:
	$(PYTHON) -m venv --clear $(VENV)-fresh
	$(VENV)-fresh/bin/python -m pip install setuptools 'torch==2.13.0' -e '.[test,bench]'
	{ sed -n '/^#/p' constraints.txt; $(VENV)-fresh/bin/python -m pip freeze --all --exclude pip --exclude-editable | sed 's/+.*//'; } > constraints.new
	mv constraints.new constraints.txt
	rm -rf $(VENV)-fresh

clean:
	rm -rf $(VENV) $(VENV)-fresh build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
