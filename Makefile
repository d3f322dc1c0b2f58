# make build | run | test | node | bench | check | fmt | soak | fuzz | fuzz-admin | faults | wheel
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(wildcard _speedups/*.pyx _speedups/*.pxi gateway/_speedups/*.pxd) setup.py pyproject.toml
STAMP := $(VENV)/.built

# Processes that share the tests' files; each has gateways and servers of its own.
AT_ONCE ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 2 ? 2 : n > 8 ? 8 : n)))
PYTEST := $(BIN)/python -m pytest
SHARED := -n $(AT_ONCE) --dist loadfile --no-loadscope-reorder --max-worker-restart 0
LONG := -o faulthandler_timeout=0

# Where `make run` serves.
PORT ?= 8080

NODE_SDKS := tests/e2e/node/node_modules/.installed

.PHONY: build run test node bench check fmt soak fuzz fuzz-admin faults wheel clean

build: $(STAMP)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --upgrade pip setuptools

$(STAMP): $(BIN)/python $(SOURCES)
	$(BIN)/pip install -q -e '.[dev,cache]'
	$(BIN)/python setup.py -q build_ext --inplace
	touch $@

run: build
	$(BIN)/python -m bench.demo --port $(PORT)

test: build node
	$(PYTEST) $(SHARED)

ifneq (,$(and $(shell command -v node 2>/dev/null),$(shell command -v npm 2>/dev/null)))
node: $(NODE_SDKS)
else
node:
	@echo "Node or npm is not here: the tests of Node's SDKs are skipped"
endif

$(NODE_SDKS): tests/e2e/node/package.json
	cd $(<D) && npm install --silent --no-package-lock --no-audit --no-fund
	touch $@

soak: build
	$(BIN)/python -m bench.soak
	RECORD_KILLS=200 $(PYTEST) $(LONG) tests/e2e/test_records_survive.py
	BUDGET_KILLS=200 BUDGET_CALLERS=2000 $(PYTEST) $(LONG) tests/e2e/test_exact_budgets.py
	RESERVATION_KILLS=10 $(PYTEST) $(LONG) -s tests/e2e/test_reservations_return.py
	$(BIN)/python -m bench.outage --turns 1 --seconds 60
	$(BIN)/python -m bench.outage

fuzz: build
	HYPOTHESIS_PROFILE=fuzz $(PYTEST) $(SHARED) $(LONG) tests/unit -m hypothesis

fuzz-admin: build
	FUZZ_EXAMPLES=200 $(PYTEST) $(LONG) tests/unit/control/test_admin_fuzz.py

faults: build
	FAULT_SECONDS=60 $(PYTEST) $(LONG) $(wildcard tests/e2e/test_fault_*.py)

bench: build
	$(BIN)/python -m bench

check: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) tests/test_floors.py

fmt: build
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: build
	$(BIN)/pip wheel -q --no-deps -w dist .

clean:
	rm -rf build dist $(VENV) $(dir $(NODE_SDKS)) gateway/_speedups/*.so *.egg-info
