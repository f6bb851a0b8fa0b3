# Sanctum: two commands do everything on a fresh machine, make demo and make test.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
LOCK := deploy/locks/cpu.txt
PATIENTS ?= 100

# torch's CPU build: from a local folder of wheels where PIP_FIND_LINKS names one, else from PyTorch's own index.
ifdef PIP_FIND_LINKS
TORCH := $(foreach folder,$(PIP_FIND_LINKS),--find-links $(folder))
else
TORCH := --extra-index-url https://download.pytorch.org/whl/cpu --index-strategy unsafe-best-match
endif

# uv reads its own variable for the package index.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX := $(PIP_INDEX_URL)
endif

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

install: $(VENV)/.installed ## Make .venv with everything pinned (done by the others when needed)

$(VENV)/.installed: $(LOCK) pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps $(TORCH) --requirement $(LOCK) --editable .
	@command -v strace >/dev/null || { apt-get update -qq && apt-get install -qq --yes strace; } >/dev/null 2>&1 || \
		echo "strace is missing and could not be installed: sanctum prove-egress needs it" >&2
	touch $@

demo: install ## Run the whole chain on a synthetic population (PATIENTS=100) or on your own NDJSON (INPUT=DIR)
	$(BIN)/sanctum demo --patients $(PATIENTS) $(if $(INPUT),--input '$(INPUT)')

dev: install ## Open the Dagster UI and daemon on http://127.0.0.1:3000
	$(BIN)/sanctum dev

test: install lint ## Run the linters and all tests, in two halves beside each other
	@echo "Two halves of the tests run beside each other; each is printed when it ends."
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target test-commands test-rooms

# Whole commands, the models and the servers take one core about as long as everything else takes the other. A folder
# for temporary files is a half's own, since so is the PostgreSQL in it; its name is short, as those of sockets must be.
COMMANDS := tests/end_to_end tests/inference tests/resources
half = folder=$$(mktemp -d /tmp/tXXXX) && { TMPDIR=$$folder $(BIN)/pytest $(1); status=$$?; rm -rf $$folder; exit $$status; }

test-commands: install
	@$(call half,$(COMMANDS))

test-rooms: install
	@$(call half,$(addprefix --ignore=,$(COMMANDS)))

lint: install ## Check style, types, rooms and SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --disable-progress-bar --config dbt_project/.sqlfluff dbt_project/models dbt_project/tests

bench: install ## Measure against named peers and bounds, print the tables of docs/benchmarks.md
	$(BIN)/python -m benchmarks

lock: ## Resolve pyproject.toml anew into the CPU lock
	$(BIN)/uv pip compile pyproject.toml --extra cpu --extra dev --extra object-store --python-version 3.11 \
		--no-annotate --no-header $(TORCH) --override deploy/locks/overrides.txt --output-file $(LOCK)

clean: ## Stop this folder's server and remove .sanctum and caches (keeps .venv)
	-test ! -x $(BIN)/sanctum || SANCTUM_HOME=.sanctum $(BIN)/sanctum down
	rm -rf .sanctum .pytest_cache .mypy_cache .ruff_cache .hypothesis dbt_project/target dbt_project/logs

.PHONY: help install demo dev test test-commands test-rooms lint bench lock clean
