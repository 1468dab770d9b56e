"""Settings of the machine that must stand before torch is loaded."""

from __future__ import annotations

import os


def let_threads_sleep() -> None:
    """Torch's threads wait for one another by spinning, which stalls them where others want the same cores."""
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
