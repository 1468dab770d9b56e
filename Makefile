# Every target makes its own virtual environment first; a fresh Debian machine needs only python3 (and python3-venv).

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.ready-dev

.PHONY: install test test-slow check bench clean

install: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "codedance needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "this Python cannot make virtual environments; on Debian run: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN)/pip install --quiet --upgrade 'pip>=25.1'
	$(RUN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(DEV): $(READY)  # torch first and alone: as a dependency of something it may come with gigabytes of CUDA
	$(RUN)/pip install --quiet --constraint constraints.txt torch==2.13.0
	$(RUN)/pip install --quiet --constraint constraints.txt --editable '.[local]' --group dev
	@touch $@

test: $(DEV)  ## everything but the slow tests
	$(RUN)/python -m pytest --numprocesses 2

test-slow: $(DEV)  ## the slow tests only
	$(RUN)/python -m pytest -m slow

check: $(DEV)  ## style and types
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

bench: $(DEV)  ## speed and memory, beside a peer in the same run
	$(RUN)/python benchmarks/sandbox.py
	$(RUN)/python benchmarks/rollout.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
