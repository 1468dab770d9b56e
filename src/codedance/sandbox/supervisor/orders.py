"""What the caller tells its supervisor on the command line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from codedance.sandbox.guest.settings import Settings


@dataclass(frozen=True, slots=True)
class Orders:
    """How to run zygote and sessions, for the whole life of the supervisor."""

    settings: Settings
    open_s: float
    """Seconds in which a fresh session must have decoded its pictures."""
    pool: int
    """Sessions to keep ready."""
    total_memory_mb: int
    total_pids: int
    """Caps of the control group around all sessions."""
    python: str
    guest_parent: str
    """The directory that holds the `guest` package."""

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps({**asdict(self), "settings": self.settings.to_json()})

    @classmethod
    def from_json(cls, text: str) -> Orders:
        """The reverse of `to_json`."""
        fields = json.loads(text)
        return cls(**{**fields, "settings": Settings.from_json(fields["settings"])})
