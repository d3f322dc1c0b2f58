# make build | run | test | bench | check | fmt | soak | fuzz | wheel
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(wildcard _speedups/*.pyx _speedups/*.pxi gateway/_speedups/*.pxd) setup.py pyproject.toml
STAMP := $(VENV)/.built

.PHONY: build run test bench check fmt soak fuzz wheel clean

build: $(STAMP)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --upgrade pip setuptools

$(STAMP): $(BIN)/python $(SOURCES)
	$(BIN)/pip install -q -e '.[dev,cache]'
	$(BIN)/python setup.py -q build_ext --inplace
	touch $@

run: build
	$(BIN)/python -m bench.demo

test: build
	$(BIN)/python -m pytest

soak: build
	$(BIN)/python -m bench.soak

fuzz: build
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest tests/unit -m hypothesis

bench: build
	$(BIN)/python -m bench

check: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_floors.py

fmt: build
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: build
	$(BIN)/pip wheel -q --no-deps -w dist .

clean:
	rm -rf build dist $(VENV) gateway/_speedups/*.so *.egg-info
