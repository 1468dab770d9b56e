"""The command line: one program, verbs. stdout is data, stderr is talk; exit codes: 0 done, 1 failed, 2 wrong usage.

codedance ask photo.jpg "How many people wear a hat?" --base-url http://127.0.0.1:8000/v1
codedance doctor --json | jq .level

Each verb lies in a module of its own, which imports what it needs when it runs.
"""

from __future__ import annotations

import asyncio
import os
import sys
from io import TextIOWrapper

from cyclopts import App, CycloptsError

from codedance.cli.ask import ask
from codedance.cli.compare import compare
from codedance.cli.demo import demo
from codedance.cli.doctor import doctor
from codedance.cli.eval import evaluate
from codedance.cli.replay import replay
from codedance.cli.report import report
from codedance.cli.run import run
from codedance.cli.score import score
from codedance.cli.tasks import tasks
from codedance.cli.terminal import protect
from codedance.cli.train import train
from codedance.errors import CodeDanceError, ConfigError, IsolationError
from codedance.plain import in_one_line

_INTERRUPTED = 130

app = App(
    name="codedance",
    help="A vision-language model looks at a picture, writes Python, runs it in a safe sandbox, and looks again.",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
for verb in (demo, ask, run, score, compare, replay, report, tasks, train, doctor):
    app.command(verb)
app.command(evaluate, name="eval")


def main() -> None:
    """The entry point: every error of ours is one line on stderr."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # an answer may have letters that the terminal has not
    protect()
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # what is wrong we say ourselves, in one line
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # transformers' bars would fill logs, and steer the cursor
    os.environ.setdefault("GOMP_SPINCOUNT", "0")  # torch's threads spin for one another and stall where others want the cores
    try:
        code = app(sys.argv[1:], exit_on_error=False, print_error=False)
    except (ConfigError, CycloptsError) as error:
        code = _complain(str(error), 2)
    except IsolationError as error:
        code = _complain(error.told(f"--isolation {error.level}, or isolation = {error.level} in a recipe"), 1)
    except CodeDanceError as error:
        code = _complain(str(error), 1)
    except BrokenPipeError:  # the reader of our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:  # a full disk, a closed terminal, a folder without permission
        where = f"{error.filename}: " if error.filename else ""
        code = _complain(f"{where}{error.strerror or error}", 1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = _complain("interrupted", _INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str, code: int) -> int:
    print(f"codedance: {in_one_line(message)}", file=sys.stderr)
    return code
