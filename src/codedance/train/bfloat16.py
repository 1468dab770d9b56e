"""Whether a device computes in bfloat16 at full speed, and a way around it where a library insists on bfloat16.

Processors without instructions for bfloat16 (those with AVX2 only) take some twenty times as long for a product of matrices as in
float32.

    if not is_fast(torch.device("cpu")):
        with WithoutBfloat16():
            muon.step()  # torch's Muon casts to bfloat16 by itself

Not covered: tensors that are bfloat16 from the start; forward passes choose their arithmetic by `Start.autocast`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


def is_fast(device: torch.device) -> bool:
    """Whether products of matrices in bfloat16 are no slower there than in float32."""
    if device.type != "cpu":
        return True
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # no public call asks the processor


class WithoutBfloat16(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A cast of float32 to bfloat16 gives a copy in float32, so that what follows is computed in float32."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if func is torch.ops.aten._to_copy.default and named.get("dtype") is torch.bfloat16 and args[0].dtype is torch.float32:
            return args[0].clone()
        return func(*args, **named)
