"""What is kept for the user from one command to the next, in ~/.cache or XDG_CACHE_HOME.

    async with judging.open(judgements()) as judge: ...

A run's folder may be anybody's, so that nothing is kept there that is believed later. Not covered: --cache, which the user names.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def judgements() -> Path:
    """Where a judge's replies are kept, whichever run they are about: the user's own folder, never that of a run.

    Where the user has none that can be written, one that is as good as new each time.
    """
    from codedance.sandbox import temporary

    folder = Path(temporary.user_cache()).absolute() / "codedance/judgements"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="codedance-judgements-", dir=temporary.directory()))
