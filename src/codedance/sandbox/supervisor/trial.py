"""The throw-away session that comes before all others: only what it measured is claimed, and what stops it is left out.

    trial = Trial(settings)
    trial.settings              # for the zygote; without what was found not to work
    trial.blame("namespaces: mount (tmpfs) on /session: Operation not permitted")   # True: start again, with less
    trial.measured              # once it has come to its end

Such a failure costs one more start of the zygote, and happens only where the zygote's own trials went well and a real session did
not: another level is then better than none.
"""

from __future__ import annotations

from dataclasses import replace

from codedance.sandbox.guest import confine
from codedance.sandbox.guest.measure import Measured
from codedance.sandbox.guest.settings import Settings

_DISPENSABLE = (confine.NAMESPACES, confine.NOTIFICATION, confine.LANDLOCK, confine.SECCOMP)
"""What can be left out, the most ambitious first."""


class Trial:
    """Which walls there shall be, and what they were measured to hold."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.measured: Measured | None = None
        self.refused: dict[str, str] = {}
        """Mechanism -> why no session came to life behind it."""

    def blame(self, why: str) -> bool:
        """Leave out the mechanism that `why` begins with, or the most ambitious one; False if nothing can be left out."""
        named = why.partition(":")[0]
        left = [name for name in _DISPENSABLE if name not in self.settings.without]
        if not left or named == confine.RLIMITS:
            return False
        culprit = named if named in left else left[0]
        self.refused[culprit] = f"no session could start behind it ({why.removeprefix(f'{culprit}: ')})"
        self.settings = replace(self.settings, without=(*self.settings.without, culprit))
        return True
