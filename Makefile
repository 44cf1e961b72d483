# Everything a developer types. `make help` lists it; `make check` is exactly what CI runs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
VENV_PYTHON ?= python3
UV_VERSION := 0.13.9
SOURCES := cloudmap_discovery tests layer
# Where it is set, each of the many programs that tests start would compile all that it imports, each time.
export PYTHONDONTWRITEBYTECODE :=
# What `make help` lists first.
FIRST := demo test build publish

include layer/layer.mk
-include docs/docs.mk

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' -v first='$(FIRST)' ' \
		{ line[$$1] = sprintf("  %-14s %s", $$1, $$2); rest[NR] = $$1 } \
		END { count = split(first, name, " "); for (i = 1; i <= count; i++) { print line[name[i]]; delete line[name[i]] } \
			for (i = 1; i <= NR; i++) if (rest[i] in line) print line[rest[i]] }'

$(READY): requirements/dev.txt pyproject.toml
	@$(VENV_PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"cloudmap_discovery needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}. Try: make VENV_PYTHON=python3.12")'
	@echo "Setting up $(VENV) (once)"
	@test -x $(BIN)/python || $(VENV_PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) 2>/dev/null || $(BIN)/pip install uv==$(UV_VERSION)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

.PHONY: setup
setup: $(READY) ## Create .venv with everything below needs

.PHONY: format
format: $(READY) ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix-only --quiet $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

.PHONY: lint
lint: $(READY) ## Check format and lint
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

.PHONY: types
types: $(READY) ## Check types (mypy strict)
	$(BIN)/mypy

# Coverage is measured where tests call the package in their own process. Elsewhere it would only be slow: most of what
# runs there are other programs, moto and the SDK.
MEASURED := tests/unit tests/calls tests/cli tests/server
PYTEST := $(BIN)/pytest --dist worksteal
.PHONY: test
test: $(READY) ## Run the tests with the coverage gate; with PYTEST_ARGS="-k …", a part of them without it
ifeq ($(PYTEST_ARGS),)
	$(PYTEST) -n 2 --cov --cov-report=term:skip-covered --cov-fail-under=95 $(MEASURED)
	$(PYTEST) -n 3 $(addprefix --ignore=,$(MEASURED)) tests
else
	$(PYTEST) -n 2 $(PYTEST_ARGS)
endif

OLDEST := .venv-oldest
# Before aiobotocore 3.10, certificates are read for each client: slower, and right all the same. Its botocore knows
# fewer dual-stack endpoints than AWS has by now.
NOT_WITH_OLDEST := --ignore tests/contract/test_transport_endpoints_sdk.py --deselect tests/unit/test_transport_sdk_tls.py::test_certificates_are_read_once_ahead_for_all_services_and_all_later_connections
.PHONY: test-oldest
test-oldest: $(READY) ## Run the tests of the library with the oldest dependencies it allows
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(OLDEST)
	@$(BIN)/uv pip install --quiet --python $(OLDEST)/bin/python --require-hashes -r requirements/oldest.txt
	@$(BIN)/uv pip install --quiet --python $(OLDEST)/bin/python --no-deps -e .
	$(OLDEST)/bin/pytest -n 2 --dist worksteal tests/unit tests/contract tests/integration/test_lookup.py tests/integration/test_registration.py tests/cli $(NOT_WITH_OLDEST) $(PYTEST_ARGS)

.PHONY: docs-check
docs-check: $(READY) ## Check that what documents show of the code is up to date
	@$(BIN)/python -m tests.project.settings_table --check

.PHONY: demo
demo: $(READY) build ## See the main job work: real layer, real runtime, a stand-in for AWS
	@$(BIN)/python -m tests.demo $(call option,FLAVOR,--flavor)

.PHONY: bench
bench: $(READY) ## Measure cached reads, cold keys, memory, snapshots and the layer's bytecode
	@for name in cached cold_key memory snapshot layer_bytecode; do $(BIN)/python -m tests.benchmarks.$$name; done

.PHONY: bench-cold
bench-cold: $(READY) ## Measure cold starts, side by side with peers, for a quarter of an hour (ROUNDS=15 WRITE=1)
	@$(BIN)/python -m tests.benchmarks.cold $(call option,ROUNDS,--rounds) $(call switch,WRITE,--write)

.PHONY: bench-fleet
bench-fleet: $(READY) ## Simulate fleets of up to 10,000 sandboxes, for a quarter of an hour (QUICK=1 WRITE=1)
	@$(BIN)/python -m tests.benchmarks.fleet $(call switch,QUICK,--quick) $(call switch,WRITE,--write)

.PHONY: bench-router
bench-router: $(READY) ## Measure the router beside nginx and a bare proxy; needs nginx and wrk (ROUNDS=5 WRITE=1)
	@$(BIN)/python -m tests.benchmarks.router $(call option,ROUNDS,--rounds) $(call switch,WRITE,--write)

.PHONY: lock
lock: $(READY) ## Renew the pinned requirements
	$(BIN)/uv pip compile pyproject.toml --upgrade --extra all --group dev --group judges --group bench --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet -o requirements/dev.txt
	$(BIN)/uv pip compile pyproject.toml --upgrade --resolution lowest-direct --extra all --group dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet -o requirements/oldest.txt
	@$(MAKE) --no-print-directory lock-layer

.PHONY: check
check: lint types test docs-check build ## Everything CI runs

.PHONY: clean
clean: ## Remove what the targets made, .venv included
	rm -rf $(VENV) $(OLDEST) $(AWS_VENV) dist build .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
