"""Whether a device computes in bfloat16 at full speed, and a way around it where a library insists on bfloat16.

Processors without instructions for bfloat16 (those with AVX2 only) take some twenty times as long for a product of matrices as in
float32.

    if not is_fast(torch.device("cpu")):
        with Float32Products():
            muon.step()  # torch's Muon casts to bfloat16 by itself

Not covered: convolutions, attention and other operations in bfloat16; forward passes choose their arithmetic by `Start.autocast`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_PRODUCTS = (torch.ops.aten.mm.default, torch.ops.aten.addmm.default)


def is_fast(device: torch.device) -> bool:
    """Whether products of matrices in bfloat16 are no slower there than in float32."""
    if device.type != "cpu":
        return True
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # no public call asks the processor


class Float32Products(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Products of bfloat16 matrices are computed in float32 and rounded once, as instructions for bfloat16 would."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if func in _PRODUCTS and all(each.dtype is torch.bfloat16 for each in args if isinstance(each, Tensor)):
            wide = [each.float() if isinstance(each, Tensor) else each for each in args]
            return func(*wide, **named).bfloat16()
        return func(*args, **named)
