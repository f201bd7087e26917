# `make demo` and `make test` are all a newcomer needs; the rest is for working on it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test faults packages check lab lab-down bench constraints clean

demo: $(VENV)/installed ## the whole program on an embedded OTRS stand-in; Ctrl-C ends it
	$(BIN)/agi-server demo

test: $(VENV)/dev ## all tests; those that need the lab say so if it is not running
	$(BIN)/pytest -m "not slow" --cov --cov-report=term

faults: $(VENV)/dev ## every fault we can make, with a table of what became of the calls; minutes
	$(BIN)/pytest tests/faults --no-cov

packages: $(VENV)/dev ## the sdist and the wheel, each installed into an environment of its own; minutes
	$(BIN)/pytest tests/test_packaging.py --no-cov

check: $(VENV)/dev ## style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

lab: ## install and start the real MariaDB, Znuny, Asterisk and sipp (Debian 12, root)
	$(PYTHON) -m tests.lab up

lab-down: ## stop them
	$(PYTHON) -m tests.lab down

bench: $(VENV)/dev ## every figure of ours beside a reference's in the same run; minutes (BENCH=--long: the large sizes); also JSON
	$(BIN)/python -m benchmarks $(BENCH)

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/pip pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/dev: $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

constraints: ## take the newest versions, and write them down for the image and CI
	rm -rf build/venv && $(PYTHON) -m venv build/venv
	build/venv/bin/pip install --quiet '.[dev]'
	build/venv/bin/pip freeze --exclude agi-server | grep == > constraints.txt

clean:
	rm -rf $(VENV) build dist *.egg-info
