"""Ask about a picture from Python; the replies are scripted, so that it runs without a model.

python examples/ask.py
"""

import json
from pathlib import Path

from codedance import Sandbox, ScriptedModel, Task, solve_now

HERE = Path(__file__).parent


def main() -> None:
    # a real one: OpenAIModel("Qwen2.5-VL-7B-Instruct", ["http://127.0.0.1:8000/v1"])
    model = ScriptedModel(json.loads((HERE / "coins.json").read_text()))
    task = Task(id="coins", question="How many of the coins are gold?", images=(HERE / "coins.png",), answer="6")
    trace = solve_now(task, model, Sandbox(require=0))
    for turn in trace.turns:
        print(turn.thought)
        if turn.execution is not None:
            print(f"    {turn.execution.status}, {turn.execution.seconds * 1000:.0f} ms: {turn.execution.stdout.strip()}")
    print(f"answer: {trace.answer} ({trace.stop})")


if __name__ == "__main__":
    main()
