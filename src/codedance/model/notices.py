"""What the user should know though nothing failed, said once: a warning of the logger `codedance`, which Python shows on stderr.

    tell("http://a/v1: the server refuses the field seed; it is not sent")

Every text is said once in a process, however many requests meet it. Not covered: what belongs to one rollout, which its trace
holds.
"""

from __future__ import annotations

import logging

_log = logging.getLogger("codedance")
_told: set[str] = set()


def tell(text: str, *, about: str = "") -> None:
    """Say it, unless the same was said before; texts that differ in figures alone share what they are `about`."""
    key = about or text
    if key not in _told:
        _told.add(key)
        _log.warning("%s", text)
