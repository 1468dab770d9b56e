"""A run of few traces, each of them awkward in its own way.

nasty_run(folder)       # markup in every text, floods, crashes, outages, missing and damaged pictures
"""

from __future__ import annotations

from pathlib import Path

from codedance.types import ExecError, ExecStatus, FinishReason, Isolation, StopReason, TaskImage, ToolCall, Turn
from report.made import PHOTOS, photograph, plot
from report.runs import EVIL, Writer, answer, result, trace


def nasty_run(folder: Path) -> Path:
    """Few traces, each of them awkward in its own way."""
    long = "".join(f"row {number}: {number * number}\n" for number in range(6000))
    lost = result(
        ExecStatus.CRASHED,
        error=ExecError("Crash", "the process died of signal 11", None),
        state_kept=False,
        isolation=Isolation(1),
    )
    late = result(
        ExecStatus.TIMEOUT, "still counting\n", seconds=20.4, notes=("image 3 was dropped: 9 pixels wide",), truncated=True
    )
    rebuilt = result(images=[plot(1), plot(2), plot(3)], replayed=2, replay_failed=True)
    with Writer(folder) as writer:
        chelsea, coins = PHOTOS / "chelsea.png", PHOTOS / "coins.png"
        evil_error = result(ExecStatus.ERROR, EVIL, stderr=EVIL, error=ExecError(EVIL, EVIL, 1), notes=(EVIL,))
        evil = writer.turn(
            EVIL,
            f"x = '''{EVIL}'''",
            evil_error,
            note=EVIL,
            reasoning=EVIL,
            context=EVIL,
            tool_calls=(ToolCall(EVIL, EVIL, EVIL),),
        )
        five = writer.inputs([chelsea, coins, plot(4), photograph(5, (1500, 1003)), plot(6, (3000, 60))])
        missing = TaskImage("00ff.png", 100, 80, "00ff.png", 112, 84, 14)
        damaged = TaskImage("dead.png", 100, 80, "dead.png", 112, 84, 14)
        writer.store.images.put("dead.png", b"this is no picture")
        flood = writer.turn(
            "It prints a lot.", "for n in range(6000):\n    print('row', n)" + "\n# filler" * 9000, result(stdout=long)
        )
        traces = [
            trace(EVIL, EVIL, [evil, answer(EVIL, EVIL)], gold=EVIL, source=EVIL, category=EVIL, images=writer.inputs([chelsea])),
            trace("floods/1", "A" * 3000, [flood, answer("W" * 500)], gold="1"),
            trace(
                "ends",
                "What happens?",
                [writer.turn("a", "while True: pass", late), writer.turn("b", "import os; os.abort()", lost)],
            ),
            trace(
                "five",
                "Which of these five pictures shows a cat?",
                [writer.turn("c", "show()", rebuilt), answer("1")],
                images=five,
            ),
            trace("outage", stop=StopReason.MODEL_ERROR, error="no endpoint answers: 503 Service Unavailable", gold="4"),
            trace("broken sandbox", stop=StopReason.SANDBOX_ERROR, error="the supervisor died", images=writer.inputs([coins])),
            trace("no picture", stop=StopReason.DATA_ERROR, error="photo.jpg: it is empty; an encoded image is needed"),
            trace("lost pictures", turns=[answer("\u2603 \U0001f600 \u05e9\u05dc\u05d5\u05dd")], images=(missing, damaged)),
            trace("empty turns", turns=[Turn(text=""), Turn(text="", note="Write code.", finish_reason=FinishReason.LENGTH)]),
            trace(
                "\u00fcml\u00e4ut/\u2603 ?#%2F&x",
                "W\u00e4hle: \u4e00, \u4e8c oder \u4e09?",
                [answer("\u4e8c")],
                gold="\u4e8c",
                sample=3,
            ),
        ]
        for made in traces:
            writer.store.append(made)
    return folder
