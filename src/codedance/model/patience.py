"""How long to wait for a reply before the connection counts as dead, by how long replies of this endpoint take.

    patience = Patience(most_s=600.0)
    patience.learn(4.2)                          # after each reply
    patience.bound_s(num_given_up=0)             # 600 at first; after 20 replies of about 4 s: 30

A lost request brings nothing at all, and without a stream nothing tells it from a slow one but the time. So: several times what
nearly all of the last replies took, at least 30 s; each time that the same request is given up, it gets four times as long, up
to the time limit, so that a reply that is really slow comes all the same. Not covered: servers that send the first byte early.
"""

from __future__ import annotations

from collections import deque

LEAST_S = 30.0
_FEW = 20
_MEMORY = 200
_NEARLY_ALL = 0.95
_TIMES = 5.0
_LONGER = 4.0


class Patience:
    """Of one endpoint; `most_s` is the time limit of a request, `least_s` the shortest wait that is worth giving up after."""

    def __init__(self, most_s: float, least_s: float = LEAST_S) -> None:
        self._most_s = most_s
        self._least_s = least_s
        self._last: deque[float] = deque(maxlen=_MEMORY)

    def learn(self, seconds: float) -> None:
        """One reply took so long."""
        self._last.append(seconds)

    def bound_s(self, num_given_up: int) -> float:
        """How long to wait for a request that was given up so often before."""
        if len(self._last) < _FEW:  # a server that has just started may load its weights first
            return self._most_s
        usual_s = sorted(self._last)[int(_NEARLY_ALL * (len(self._last) - 1))]
        return min(self._most_s, max(self._least_s, _TIMES * usual_s) * _LONGER**num_given_up)
