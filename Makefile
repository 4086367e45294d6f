# Every habit of this repository; continuous integration runs the same targets.

# The tests start hundreds of processes: without what was compiled, each compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CODE := src strategies stateful tests bench

.DEFAULT_GOAL := help
.PHONY: help install run demo test unit live live-namespaces suite-namespaces search-namespaces live-capabilities live-killed live-rented test-slow test-long test-longer suite check lint imports types bench soak \
  oracle mutants adapters adapters-test bench-adapters browser peers bench-peers bench-bugs bench-found check-model clean

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
demo: install ## a bug planted: found, shortened, saved, and shown again
	$(BIN)/syncmodel explore --bug tombstone-lost-on-resync $(DEMO_SEARCH); test $$? -eq 1
	$(BIN)/syncmodel replay "$$(ls -t found/*.json | head -n 1)"; test $$? -eq 1
	@echo "Open it in a browser: file://$$(ls -t "$(CURDIR)"/found/*.html | head -n 1)"

# On the simulator, where it takes seconds; on live nodes: make demo DEMO_SEARCH="--faults sync".
DEMO_SEARCH ?= --target simulated --faults sync --seed 14 --sequences 200

# CI adds the slow ones, and those of the long ones on which verdicts rest.
MARKS ?= not slow and not long and not longer

test: install ## the tests, all but the slow and the long ones
	$(BIN)/pytest tests/unit tests/live -m "$(MARKS)" $(PARALLEL)

# As many workers as cores, and no more than help.
WORKERS ?= auto
PARALLEL := -n $(WORKERS) --maxprocesses 8 --dist worksteal

unit: install ## only those without live nodes
	$(BIN)/pytest tests/unit -m "not long and not longer" $(PARALLEL)

# Their clocks are real, and each cluster keeps a core busy by itself.
live: install ## only the tests on live nodes
	$(BIN)/pytest tests/live -m "not long and not longer" $(PARALLEL)

test-slow: install ## those that take longer than three seconds, or start many processes and clusters
	$(BIN)/pytest tests/unit tests/live -m "slow and not long and not longer" $(PARALLEL)

test-long: install ## the long ones: thousands of random runs, whole searches
	$(BIN)/pytest tests -m long $(PARALLEL)

test-longer: install ## what takes longer still, and CI leaves out: more histories against the oracle, flakes in ten seeds
	$(BIN)/pytest tests -m longer $(PARALLEL)

live-namespaces: install ## machines in namespaces: their tests, a search, and the corpus (docs/namespaces.md)
	$(BIN)/pytest tests/live/test_namespaces.py tests/live/test_namespaces_end.py -m "not longer" -rs
	$(BIN)/pytest stateful --ignore=stateful/adapters --syncmodel-target namespaces $(SEARCH) -rs

# The families of faults that machines in namespaces have.
FAULTS := clocks deployment disks hanging lifecycle membership misused network packets purging restoring slowness \
  spoiling standstill sync trusting

search-namespaces: install ## 20 sequences of each family of faults there, and 300 of all (twenty minutes; fails on an invalid run)
	for each in $(FAULTS); do \
	  $(BIN)/syncmodel explore --target namespaces --sequences 20 --no-scenes --faults $$each || exit 1; \
	done
	$(BIN)/syncmodel explore --target namespaces --sequences 300 --no-scenes

suite-namespaces: install ## the stateful suite on machines in namespaces (needs root)
	$(BIN)/pytest stateful --ignore=stateful/adapters -m "not long" --syncmodel-target namespaces $(SEARCH) $(PARALLEL) -rs

live-capabilities: install ## nodes that lack each capability in turn, and each pair: 500 steps each (hours)
	$(BIN)/pytest tests/live/test_inventory_lacks.py -m "long or longer"

live-killed: install ## testers that are killed at 50 moments: processes, namespaces, clouds that are swept (half an hour)
	$(BIN)/pytest tests/live/test_killed_searches.py tests/live/test_namespaces_end.py tests/unit/providers/test_ended_renting.py -m "long or longer" -rs

live-rented: install ## machines of emulated providers, one and three: rented, provisioned, tested, given back (needs root)
	$(BIN)/pytest tests/live/test_rented_hosts.py -m "slow or longer" -rs

suite: install ## the stateful suite: explore, and replay the corpus, on live nodes (other systems: adapters-test)
	$(BIN)/pytest stateful --ignore=stateful/adapters -m "not long" $(SEARCH) $(PARALLEL)

# How long it explores, such as --syncmodel-sequences 100; the usual number if it says nothing.
SEARCH ?=

# What `check` goes through, in this order. Each says how long it took.
PARTS := lint types test test-slow test-long suite

check: install ## all that must hold before a commit, and the time of each part
	@times=; for part in $(PARTS); do \
	  began=$$(date +%s); \
	  $(MAKE) --no-print-directory $$part || exit 1; \
	  times="$$times\n  $$part $$(($$(date +%s) - began)) s"; \
	done; printf "All of it holds. It took:$$times\n"

lint: install imports ## style, and the direction of imports
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

imports: install
	$(BIN)/lint-imports

types: install ## mypy, strict
	$(BIN)/mypy

browser: install ## the tests of the HTML report in a real browser (installs Chromium, from Debian, where it lacks)
	command -v chromium > /dev/null || \
	  $(SUDO) apt-get install --yes --no-install-recommends chromium
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,browser]'
	$(BIN)/pytest tests/browser -rs

bench: install ## measure a live step, what the report costs it, and a search for each planted bug
	$(BIN)/python bench/step.py
	$(BIN)/python bench/deployments.py
	$(BIN)/python bench/report.py --live
	$(BIN)/python bench/search.py

bench-adapters: install ## measure a live step on the systems of docs/adapters.md, beside a bare script
	$(BIN)/python bench/adapters.py

check-model: install ## search model and core exhaustively, within the bounds of docs/checking.md
	$(BIN)/syncmodel check --scenes all --jobs 2

soak: install ## thousands of sequences, and a look for leaks
	$(BIN)/python bench/soak.py

oracle: install ## how sharp is the model: false alarms and misses against an exact oracle (hours)
	$(BIN)/python bench/sharpness.py --histories $(HISTORIES)

HISTORIES ?= 200000

mutants: install ## would the tests notice a wrong model: every small change of it (hours; SAMPLE=300 for a few)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,mutants]'
	$(BIN)/python bench/mutations.py --sample $(SAMPLE)

SAMPLE ?= 0

adapters: install ## install the systems of docs/adapters.md (Debian, npm and Python packages)
	{ command -v redis-server && test -x /usr/sbin/slapd && \
	  test -e /usr/share/postgresql/15/extension/pglogical.control && command -v etcd; } > /dev/null || \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive \
	  apt-get install --yes --no-install-recommends redis-server slapd postgresql-15-pglogical etcd-server
	command -v npm > /dev/null || \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends npm
	test -x $(BIN)/pouchdb-server || \
	  npm install --global --prefix .venv --ignore-scripts --no-audit --no-fund pouchdb-server
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[adapters]'

adapters-test: install ## search those of them that are installed
	$(BIN)/pytest stateful/adapters -rs

peers: ## install the tools that we are measured against: SPIN (apt), Quint and fast-check (npm)
	{ command -v spin && command -v gcc; } > /dev/null || \
	  $(SUDO) apt-get install --yes --no-install-recommends spin gcc libc6-dev
	npm ci --prefix bench/peers --no-audit --no-fund

SUDO ?= $(if $(filter 0,$(shell id -u)),,sudo)

bench-peers: install ## one protocol, three tools: our checker, SPIN, Quint (see `make peers`)
	$(BIN)/python bench/protocols.py

bench-bugs: install ## who finds the planted bugs, and how short: us and others (hours; see its --help)
	$(BIN)/python bench/bugs.py

bench-found: install ## how soon we find each; compare with AGAINST=FILE of another version
	$(BIN)/python bench/bugs.py --find-only $(if $(AGAINST),--against $(AGAINST))

clean: ## remove what was built and measured; saved failures stay
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache \
	  .import_linter_cache .hypothesis bench/results
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
