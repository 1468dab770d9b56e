"""A run by the real loop in a real sandbox, with a scripted model that works well, slips, fails, and forges.

await scripted_run(folder, box)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import skimage

from codedance import Sandbox
from codedance.model.chat import Message, Reply, Role
from codedance.model.script import ScriptedModel
from codedance.rollout.runner import Runner
from codedance.rollout.settings import Settings
from codedance.types import FinishReason, Sampling, Task, Usage

PHOTOS = Path(skimage.__file__).parent / "data"


def _cell(thought: str, code: str) -> str:
    return f"<think>{thought}</think>\n<code>\n```python\n{code}\n```\n</code>"


def _answer(thought: str, text: str) -> str:
    return f"<think>{thought}</think>\n<answer>{text}</answer>"


REPLIES = {
    "How many coins are in the picture?": (
        _cell(
            "First I look at the whole picture and at its size.",
            "print(input_image.size)\ndisplay(input_image.resize((input_image.width * 2, input_image.height * 2)))",
        ),
        _cell(
            "Coins are brighter than the ground, but the light falls off. I smooth, threshold, and count what is left.",
            "import cv2\nimport numpy as np\n\ngrey = cv2.GaussianBlur(np.asarray(input_image.convert('L')), (0, 0), 2)\n"
            "mask = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 101, -6)\n"
            "found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)\n"
            "coins = [c for c in found if cv2.contourArea(c) > 300]\nprint(len(coins), 'coins')",
        ),
        _cell(
            "I draw the outlines to be sure that none is counted twice.",
            "import matplotlib.pyplot as plt\n\nview = np.array(input_image)\n"
            "cv2.drawContours(view, coins, -1, (255, 40, 40), 2)\n"
            "plt.figure(figsize=(6, 4.5))\nplt.imshow(view)\nplt.axis('off')\nplt.title(f'{len(coins)} coins')\nplt.show()",
        ),
        _answer("Every outline holds one coin: four rows of six.", "24"),
    ),
    "What colour are the eyes of this cat?": (
        "<think>I zoom in on the eyes.\n<code>\neyes = input_image.crop((120, 80, 330, 190))\n"
        "display(eyes.resize((840, 440)))\n</code>\n<interpreter>They are blue.</interpreter>\n<answer>blue</answer>",
        "They look green to me, but let me be careful with the light.",
        _cell("Perhaps the text recogniser helps.", "import pytesseract\nprint(pytesseract.image_to_string(eyes))"),
        _cell(
            "Then the mean colour.",
            "import numpy as np\nred, green, blue = np.asarray(eyes)[20:60, 20:60].mean(axis=(0, 1))\n"
            "print(f'{red:.0f} {green:.0f} {blue:.0f}')",
        ),
        _answer("", "green"),
    ),
    "Is the rocket taller than the tower beside it?": (
        _cell(
            "I compare brightness along one column.",
            "import numpy as np\nimport matplotlib.pyplot as plt\n\n"
            "grey = np.asarray(input_image.convert('L')).astype(float)\nfig, axes = plt.subplots(1, 2, figsize=(9, 3.4))\n"
            "axes[0].imshow(grey, cmap='gray')\naxes[0].axvline(320, color='tab:red')\n"
            "axes[1].plot(grey[:, 320], color='tab:red')\naxes[1].set_xlabel('row')\nplt.show()",
        ),
        _cell("This may take a while.", "print('scanning')\nwhile True:\n    pass"),
        _answer("I have to decide.", "yes"),
    ),
}
PICTURES = dict(zip(REPLIES, ("coins.png", "chelsea.png", "rocket.jpg"), strict=True))
KNOWN = dict(zip(REPLIES, ("24", "green", "no"), strict=True))


def _reply(messages: Sequence[Message], sampling: Sampling) -> Reply:
    question = next(question for question in REPLIES if any(question in message.text for message in messages))
    said = REPLIES[question][sum(message.role is Role.ASSISTANT for message in messages)]
    return Reply(text=said, usage=Usage(400 * len(messages), len(said) // 4), finish_reason=FinishReason.STOP)


async def scripted_run(folder: Path, box: Sandbox) -> Path:
    """Three tasks, two samples each."""
    tasks = [
        Task(id=PICTURES[q], question=q, images=(PHOTOS / PICTURES[q],), answer=KNOWN[q], source="skimage", category="photos")
        for q in REPLIES
    ]
    await Runner(ScriptedModel(_reply, "scripted"), box, folder, Settings(turns=6), samples=2, concurrency=2).run(tasks)
    return folder
