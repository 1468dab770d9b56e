"""What one session may use. The defaults suit code that models write about pictures.

    Limits(time_s=5, memory_mb=512)

Not covered: limits over all sessions together (`Sandbox(slots=..., parallel=...)` and the cgroup of level 4).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from codedance.errors import ConfigError

_BOUNDS: dict[str, tuple[float, float]] = {
    "time_s": (0.05, 86_400),
    "grace_s": (0.05, 60),
    "memory_mb": (64, 1 << 20),
    "disk_mb": (1, 1 << 16),
    "files": (16, 1 << 20),
    "output_kb": (1, 1 << 14),
    "code_kb": (1, 160),
    "input_mb": (1, 1 << 12),
    "threads": (1, 1024),
    "open_files": (32, 4096),
    "images": (0, 256),
    "shown_mb": (1, 1 << 12),
    "image_pixels": (10_000, 1 << 28),
    "image_aspect": (1, 100_000),
    "image_tiny_px": (0, 4096),
    "image_enlarged_px": (1, 4096),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps for one session, enforced by the kernel, the supervisor or the caller, none by the code it limits.

    Only enlarging tiny pictures is left to the session itself: that is a service, not a cap.

    Raises:
        ConfigError: a value is outside its range.
    """

    time_s: float = 20.0
    """Wall seconds for one cell; then it is interrupted and keeps its variables."""
    grace_s: float = 1.0
    """Seconds after the interrupt until the process is killed."""
    memory_mb: int = 1024
    """Address space beyond what the guest libraries take; asking for more raises MemoryError inside."""
    disk_mb: int = 64
    """Files in the working directory, all together (level 3 and up; below that, per file and by a watcher)."""
    files: int = 4096
    """Inodes in the working directory (level 3 and up)."""
    output_kb: int = 64
    """stdout and stderr of one cell, each."""
    code_kb: int = 128
    """Source text of one cell."""
    input_mb: int = 256
    """Encoded or raw input images of a session, all together."""
    threads: int = 64
    """Threads of a session."""
    open_files: int = 256
    """File descriptors of a session."""
    images: int = 16
    """Pictures shown by one cell; more are dropped and said in `notes`."""
    shown_mb: int = 128
    """Raw pixels of the pictures shown by one cell, all together."""
    image_pixels: int = 16384 * 28 * 28
    """Area of a shown picture; a larger one is scaled down (the most that Qwen2.5-VL takes)."""
    image_aspect: float = 200.0
    """Longest side over shortest; beyond it the picture is dropped (vision models refuse it)."""
    image_tiny_px: int = 56
    """A shown picture whose shorter side is below this is enlarged ..."""
    image_enlarged_px: int = 112
    """... until its shorter side has this many pixels."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            least, most = _BOUNDS[spec.name]
            value = getattr(self, spec.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
                raise ConfigError(f"Limits.{spec.name} is {value!r}; it must be a number from {least:g} to {most:g}")
            if spec.type == "int" and not isinstance(value, int):
                raise ConfigError(f"Limits.{spec.name} is {value!r}; it must be a whole number")
