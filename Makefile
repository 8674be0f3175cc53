# Each target makes what it needs, from a machine with Python 3.11 (with venv), make and git.
#   make demo ARGS="--for 30s"     make test ARGS="-k session"     make VENV=/tmp/venv test

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=
# One more than there are processors: a good part of the tests waits for boards that keep real time.
JOBS   ?= $(shell expr $$(nproc) + 1)

BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check --quiet
TEST    := $(BIN)/python -m pytest --tier test
TYPINGS := build/typings

.PHONY: venv demo test soak explore lint lint-code lint-format lint-imports lint-types lint-firmware bench format lock
.DEFAULT_GOAL := venv

venv: $(VENV)/.project

demo: venv
	$(BIN)/paifang demo $(ARGS)

# Boards keep real time: what fails while all processors are busy is run once more, alone, and counts as it ends then.
test: venv
	$(TEST) -n $(JOBS) --dist worksteal $(ARGS) || { test $$? = 1 && $(TEST) --last-failed --last-failed-no-failures none $(ARGS); }

soak: venv
	$(BIN)/python -m pytest --tier soak $(ARGS)

# Every state of the signals' interlock, of every country, and every mutant of it and of the monitor: about an hour.
explore: venv
	$(BIN)/python -m pytest --tier soak -s tests/signals/test_exploration.py tests/signals/test_mutants.py $(ARGS)

# `make -k lint` goes on after a finding and shows them all.
lint: lint-code lint-format lint-imports lint-types lint-firmware

lint-code: $(VENV)/.lint
	$(BIN)/ruff check .

lint-format: $(VENV)/.lint
	$(BIN)/ruff format --check .

lint-imports: $(VENV)/.project $(VENV)/.lint
	PYTHONPATH=firmware $(BIN)/lint-imports --no-cache

lint-types: $(VENV)/.project $(VENV)/.lint
	$(BIN)/pyright --warnings --pythonpath $(BIN)/python

# The stubs lie where no Python is: what MicroPython does not have must not be found.
lint-firmware: $(VENV)/.lint $(TYPINGS)/.stamp
	$(BIN)/pyright --warnings --project firmware --pythonpath $(TYPINGS)

bench: venv
	mkdir -p build
	$(BIN)/python -m paifang_tools.bench $(ARGS)

format: $(VENV)/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Brings the locks up to pyproject.toml; LOCK_ARGS="--upgrade" moves every pin to the newest release.
lock: $(VENV)/.lint
	$(LOCK) -o requirements/gateway.txt
	$(LOCK) -c requirements/gateway.txt --extra ble --extra city --extra parquet --extra rig --group test --group build -o requirements/dev.txt
	$(LOCK_GROUP) -c requirements/dev.txt --group lint -o requirements/lint.txt
	$(LOCK_GROUP) --group typings -o requirements/typings.txt

LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --quiet $(LOCK_ARGS)
LOCK         := $(BIN)/uv pip compile $(LOCK_OPTIONS) pyproject.toml
LOCK_GROUP   := $(BIN)/uv pip compile $(LOCK_OPTIONS)

# The stamps lie in the venv: it is filled again only when a lock changes, and goes away with its stamps.
$(VENV)/.dev: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Paifang needs Python 3.11 or newer: make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r $<
	touch $@

$(VENV)/.project: $(VENV)/.dev pyproject.toml
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.lint: requirements/lint.txt $(VENV)/.dev
	$(PIP) install --require-hashes -r $<
	touch $@

$(TYPINGS)/.stamp: requirements/typings.txt $(VENV)/.dev
	rm -rf $(TYPINGS)
	$(PIP) install --require-hashes --no-deps --target $(TYPINGS) -r $<
	touch $@
