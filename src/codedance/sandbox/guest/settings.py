"""What the supervisor tells the zygote at its start; the same record on both sides, as JSON on the command line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Caps:
    """The caller's limits, as far as the guest side has to know them (field for field those of `Limits`)."""

    memory_mb: int
    disk_mb: int
    files: int
    output_kb: int
    threads: int
    open_files: int
    images: int
    shown_mb: int
    image_pixels: int
    image_aspect: float
    image_tiny_px: int
    image_enlarged_px: int


@dataclass(frozen=True, slots=True)
class Settings:
    """How to build the jail and what goes into it."""

    caps: Caps
    roots: tuple[str, ...]
    """Host directories and files that sessions may read."""
    import_paths: tuple[str, ...]
    """Where the guest libraries are, if not on the interpreter's own path."""
    without: tuple[str, ...]
    """Mechanisms not to use."""
    font_cache: str
    """A host directory with matplotlib's font list."""
    first_uid: int | None = None
    """Where the user ids begin that only this supervisor's sessions have, if it may hand out any."""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """The reverse of `to_json`."""
        fields = json.loads(text)
        return cls(
            caps=Caps(**fields["caps"]),
            roots=tuple(fields["roots"]),
            import_paths=tuple(fields["import_paths"]),
            without=tuple(fields["without"]),
            font_cache=fields["font_cache"],
            first_uid=fields["first_uid"],
        )
