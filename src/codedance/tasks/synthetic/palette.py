"""Six colours with names, and the two ways in which code finds the pixels of one.

    red = COLOURS["red"]
    red.numpy_mask          # '(abs(a - getrgb("red")) < 50).all(2)'                            a: signed integers
    red.cv2_mask            # 'cv2.inRange(a, *(getrgb("red") + np.array([[-50], [50]])))'      a: bytes

They are what CSS and matplotlib mean by these names, so that the same code finds `plt.bar(..., color="red")`, and lie far from
each other and from every background here.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import ImageColor

TOLERANCE = 50
"""By which a pixel may be off in any channel."""
_JITTER = 6

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour that a question may name."""

    name: str
    rgb: RGB

    @property
    def code(self) -> str:
        """An expression for the colour, as red, green and blue."""
        return f'getrgb("{self.name}")'

    @property
    def numpy_mask(self) -> str:
        """An expression that is true where `a` has this colour."""
        return f"(abs(a - {self.code}) < {TOLERANCE}).all(2)"

    @property
    def cv2_mask(self) -> str:
        """The same with OpenCV."""
        return f"cv2.inRange(a, *({self.code} + np.array([[-{TOLERANCE}], [{TOLERANCE}]])))"

    def shade(self, rng: random.Random) -> RGB:
        """The colour as it is painted: slightly different each time."""
        red, green, blue = (min(255, max(0, value + rng.randint(-_JITTER, _JITTER))) for value in self.rgb)
        return red, green, blue


COLOURS = {name: Colour(name, ImageColor.getrgb(name)[:3]) for name in ("red", "green", "blue", "yellow", "purple", "orange")}


def pick(rng: random.Random, count: int) -> list[Colour]:
    """Different colours, in any order."""
    return rng.sample(list(COLOURS.values()), count)
