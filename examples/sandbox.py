"""Count the coins in a picture: look at a crop, then measure; and draw the whole trace as one picture.

python examples/sandbox.py [TRACE.png]
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from codedance import ExecResult, SyncSandbox

PICTURE = Path(__file__).with_name("coins.png")
CELLS = (
    """print(input_image.size)
input_image.crop((20, 20, 140, 110)).resize((480, 360)).show()""",
    """import cv2, numpy as np, matplotlib.pyplot as plt
grey = cv2.GaussianBlur(np.asarray(input_image.convert("L")), (0, 0), 2)
_, mask = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
coins = [c for c in found if cv2.contourArea(c) > 300]
print(len(coins), "coins")""",
    """view = np.asarray(input_image).copy()
cv2.drawContours(view, coins, -1, (255, 40, 40), 3)
plt.figure(figsize=(3.2, 2.4))
plt.imshow(view)
plt.axis("off")
plt.title(f"{len(coins)} coins")
plt.show()""",
)
WIDTH, COLUMN, MARGIN, LINE = 1180, 400, 16, 19


def draw_turn(code: str, result: ExecResult, shown: Image.Image | None) -> Image.Image:
    """One turn as a strip: code and output on the left, what was shown on the right."""
    output = f"{result.status.value}, {result.seconds * 1000:.0f} ms   {result.stdout.strip()}"
    lines = [*code.splitlines(), "", output]
    height = max(len(lines) * LINE, shown.height if shown else 0) + 2 * MARGIN
    strip = Image.new("RGB", (WIDTH, height), "white")
    pen, font = ImageDraw.Draw(strip), ImageFont.load_default(13)
    pen.rectangle((0, 0, WIDTH - COLUMN - MARGIN, height), fill=(246, 247, 249))
    for number, line in enumerate(lines):
        colour = (15, 110, 60) if line == output else (30, 35, 50)
        pen.text((MARGIN, MARGIN + number * LINE), line, fill=colour, font=font)
    if shown is not None:
        strip.paste(shown, (WIDTH - COLUMN, MARGIN))
    return strip


def main() -> None:
    strips = []
    picture = Image.open(PICTURE).convert("RGB")
    with SyncSandbox(require=0) as box, box.session(images=[PICTURE]) as session:
        strips.append(
            draw_turn("# the picture: how many coins?", session.run("None"), picture.resize((COLUMN - 2 * MARGIN, 276)))
        )
        for code in CELLS:
            result = session.run(code)
            print(f"[{result.status}, {result.seconds * 1000:.0f} ms, level {result.isolation.level}] {result.stdout.strip()}")
            shown = result.images[0] if result.images else None
            if shown is not None:
                shown.thumbnail((COLUMN - 2 * MARGIN, 300))
            strips.append(draw_turn(code, result, shown))
    if len(sys.argv) > 1:
        trace = Image.new("RGB", (WIDTH, sum(strip.height for strip in strips) + 4 * len(strips)), (210, 214, 220))
        top = 0
        for strip in strips:
            trace.paste(strip, (0, top))
            top += strip.height + 4
        trace.save(sys.argv[1])


if __name__ == "__main__":
    main()
