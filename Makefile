# make run   sets up and runs the bundled suite
# make test  sets up and runs lint, types and tests
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run test setup setup-dev lint bench bench-sweep clean

run: setup
	@echo "make run: running the bundled suite with the reference agents"
	@$(BIN)/agentbench run

test: setup-dev lint
	@echo "make test: running the tests"
	@$(BIN)/python -m pytest

lint: setup-dev
	@echo "make test: lint and types"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: setup-dev
	@$(BIN)/python benchmarks/run.py

bench-sweep: setup-dev
	@$(BIN)/python benchmarks/sweep.py

setup: $(VENV)/.installed
setup-dev: $(VENV)/.installed-dev

$(BIN)/python:
	@echo "creating $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit("agentbench needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python requirements.lock pyproject.toml
	@echo "installing agentbench and what it needs, by the hashes of requirements.lock"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	@echo "installing what the tests need, by the hashes of requirements-dev.lock"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

clean:
	rm -rf $(VENV) runs dist build .mypy_cache .pytest_cache .ruff_cache
