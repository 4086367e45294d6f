# Every habit of this repository; continuous integration runs the same targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CODE := src strategies stateful tests bench

.DEFAULT_GOAL := help
.PHONY: help install run demo test live suite check lint imports types bench soak peers bench-peers \
  bench-bugs check-model clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## create .venv with everything that is needed

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

run: install ## explore three live nodes for about half a minute
	$(BIN)/syncmodel explore --sequences 25

# A divergence is what the demo is after: exit code 1 is its success.
demo: install ## the same with a bug planted: found, shortened, saved, and shown again
	$(BIN)/syncmodel explore --bug tombstone-lost-on-resync $(DEMO_SEARCH); test $$? -eq 1
	$(BIN)/syncmodel replay "$$(ls -t found/*.json | head -n 1)"; test $$? -eq 1

# No other faults but resyncs, and a seed with which it does not take long.
DEMO_SEARCH ?= --faults sync --seed 6 --sequences 200

test: install ## the unit tests (seconds) and the tests on live nodes
	$(BIN)/pytest tests

live: install ## only the tests on live nodes
	$(BIN)/pytest tests/live

suite: install ## the stateful suite: explore, and replay the corpus, on live nodes
	$(BIN)/pytest stateful

check: lint types test suite ## all that must hold before a commit

lint: install imports ## style, and the direction of imports
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

imports: install
	$(BIN)/lint-imports

types: install ## mypy, strict
	$(BIN)/mypy

bench: install ## measure a live step, and a search for each planted bug
	$(BIN)/python bench/step.py
	$(BIN)/python bench/search.py

check-model: install ## search model and core exhaustively, within the bounds of docs/checking.md
	$(BIN)/syncmodel check --scenes all --jobs 2

soak: install ## thousands of sequences, and a look for leaks
	$(BIN)/python bench/soak.py

peers: ## install the tools that we are measured against: SPIN (apt), Quint and fast-check (npm)
	{ command -v spin && command -v gcc; } > /dev/null || \
	  $(SUDO) apt-get install --yes --no-install-recommends spin gcc libc6-dev
	npm ci --prefix bench/peers --no-audit --no-fund

SUDO ?= $(if $(filter 0,$(shell id -u)),,sudo)

bench-peers: install ## one protocol, three tools: our checker, SPIN, Quint (see `make peers`)
	$(BIN)/python bench/protocols.py

bench-bugs: install ## who finds the planted bugs, and how short: us and others (hours; see its --help)
	$(BIN)/python bench/bugs.py

clean: ## remove what was built and measured; saved failures stay
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache \
	  .import_linter_cache .hypothesis bench/results
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
