# Two commands on a fresh machine with git, make and python3: `make demo` and `make test`.
# Every target makes what it needs: .tools (uv) and .venv (from the hashed lock). Nothing else is touched.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
AUTO_APT ?=
ARGS ?=
SEED ?= 1
JOBS ?= 2
# some tests wait for processes of their own: a third worker has the cores meanwhile
TEST_JOBS ?= 3

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
UV := .tools/bin/uv
PYTEST := $(BIN)/pytest -n $(TEST_JOBS) --dist worksteal -m "not browser and not testnet and not prove"

export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := 1
export UV_COMPILE_BYTECODE := 1
UPGRADE ?=
export PYTHON AUTO_APT UPGRADE
# tests and proofs start a hundred processes: without bytecode on disk each would compile the product again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check prove bench replay-all lock format clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## daemon, local exchange and a synthetic market: no keys, no network (ARGS="--once --json")
	@exec $(BIN)/counterpoise demo $(ARGS)

test: $(STAMP) ## every test that needs neither a browser nor exchange keys (ARGS="-k name")
	@exec $(PYTEST) $(ARGS)

check: $(STAMP) ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

prove: $(STAMP) ## death, lies and bugs at every point, judged by the exchange's log (SEED=n, ARGS="crash --part 0.1")
	@exec $(BIN)/python -m tests.prove $(ARGS) --seed $(SEED)

bench: $(STAMP) ## benchmarks: prints medians, keeps them in bench/results.json (ARGS="--pairs 3")
	@$(BIN)/python bench/replay.py $(ARGS)
	@$(BIN)/python bench/alerts.py $(ARGS)

replay-all: $(STAMP) ## every strategy over all recorded years in ../shared, with its time (ARGS="--case drift")
	@$(BIN)/python scripts/replay_all.py --jobs $(JOBS) $(ARGS)

format: $(STAMP) ## let ruff fix and format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(UV) ## write the hashed locks again (UPGRADE=1: newest versions)
	@scripts/lock

clean: ## remove .venv, .tools and caches
	@rm -rf .venv .tools build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# set-up: all of its talk goes to stderr, so that `make demo ARGS=--json` prints JSON only
.venv: $(STAMP)

$(STAMP): pyproject.toml requirements-dev.lock $(UV)
	@scripts/setup venv >&2

$(UV): requirements-tools.lock
	@scripts/setup uv >&2
