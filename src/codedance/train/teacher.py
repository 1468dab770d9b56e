"""Show how a synthetic item is solved: a conversation in the very words that the codec and the sandbox would use.

    teacher = Teacher(Settings(rule=RULE, turns=4))
    messages = teacher.show(make_item("count", Level.HARD, 7), plan)     # None for plan: answered at a glance

The code of a plan is our own, so it runs in this process, which takes a tenth of the time; the tests hold that the
conversation is the one that the real loop has with the sandbox. Not covered: code of anybody else.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from codedance.images import Box, InputImage, Picture, Size, View, fit_shown
from codedance.model.chat import Message, Reply, Role
from codedance.rollout.codec import Codec, observe
from codedance.rollout.settings import Settings
from codedance.tasks.synthetic import Item, Plan
from codedance.types import ExecResult, ExecStatus, Isolation

_SHOWN_DPI = 150  # as in the sandbox


class Teacher:
    """Writes conversations as rollouts with these settings would go."""

    def __init__(self, settings: Settings, time_s: float = 20.0) -> None:
        self._settings = settings
        self._rule = settings.image_limits.rule
        self._codec = Codec(settings.format)
        self._time_s = time_s

    def ask(self, item: Item) -> list[Message]:
        """The conversation before the first reply."""
        view = fit_shown(item.image, self._rule)
        tokens = self._rule.tokens(view.size)
        given = InputImage(b"", Size(*item.image.size), "png", view, tokens)  # the bytes are for a sandbox
        return self._codec.opening(item.question, [given], self._settings.turns, self._time_s)

    def show(self, item: Item, plan: Plan | None) -> list[Message]:
        """The whole conversation; without a plan the answer comes at once."""
        messages = self.ask(item)
        if plan is None:
            return [*messages, _says(f"<think>{item.look}</think>\n<answer>{item.answer}</answer>")]
        reply = Reply(text=f"<think>{plan.thought}</think>\n<code>\n```python\n{plan.code}\n```\n</code>")
        result = run_plan(plan.code, item.image, messages[-1].pictures[0])
        observation = observe(result, self._settings.room, self._rule)
        note = self._codec.last_turn() if self._settings.turns == 2 else ""
        messages += self._codec.response(reply, self._codec.parse(reply), observation, note)
        return [*messages, _says(f"<think>{plan.conclusion}</think>\n<answer>{item.answer}</answer>")]


def run_plan(code: str, original: Image.Image, view: Picture) -> ExecResult:
    """What our own code prints and shows, as the sandbox would tell it."""
    printed = io.StringIO()
    shown: list[Image.Image] = []

    def display(value: Any) -> None:
        shown.append(value if isinstance(value, Image.Image) else Image.fromarray(np.asarray(value)))

    def to_original(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
        full = View(view.size, Size(*original.size)).to_original(Box(*box))
        left, top, right, bottom = math.floor(full[0]), math.floor(full[1]), math.ceil(full[2]), math.ceil(full[3])
        return left, top, right, bottom

    names = {
        "print": lambda *words: print(*words, file=printed),
        "display": display,
        "original_image": original,
        "input_image": view.pixels,
        "to_original": to_original,
        "__name__": "__main__",
    }
    with _figures(shown) if "plt" in code else nullcontext():
        exec(compile(code, "cell", "exec"), names)
    images = tuple(image.convert("RGB") for image in shown)
    return ExecResult(ExecStatus.OK, printed.getvalue(), "", images, None, 0.0, False, Isolation(0), True)


@contextmanager
def _figures(shown: list[Image.Image]) -> Iterator[None]:
    """What `plt.show` does in the sandbox."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    def show() -> None:
        for number in plt.get_fignums():
            canvas = FigureCanvasAgg(plt.figure(number))
            canvas.draw()  # type: ignore[no-untyped-call]
            drawn = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1)  # type: ignore[no-untyped-call]
            shown.append(drawn.convert("RGB"))
        plt.close("all")

    usual = plt.show
    plt.show = show
    try:
        with matplotlib.rc_context({"figure.dpi": _SHOWN_DPI}):
            yield
    finally:
        plt.show = usual


def _says(text: str) -> Message:
    return Message(Role.ASSISTANT, (text,))
