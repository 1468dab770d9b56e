"""Does guidance by coverage find more than blind mutation? Both with the same readers, seeds and number of cases, side by side.

    pip install atheris==3.0.0 && python tests/fuzz/guided.py replies --number 100000

Three ways: our own mutations, which know JSON; bytes flipped and cut without guidance; and the same with libFuzzer's guidance
(atheris), which keeps what reaches new code. Each way runs in a process of its own; then the lines and branches of our code that
its inputs reached are counted anew, by the same means for all. Not covered: readers that need files (`campaign` has them).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

_OURS = str(Path(__file__).parents[2] / "src" / "codedance")
_WAYS = ("structured", "bytes", "guided")
Reader = Callable[[bytes], object]


def readers() -> dict[str, tuple[Reader, list[bytes], tuple[type[BaseException], ...]]]:
    """What reads bytes, honest bytes for it, and the errors that it may raise."""
    from codedance.errors import CodeDanceError
    from codedance.model.retry import AskAgain
    from codedance.sandbox.supervisor.reply import Forged, parse_done
    from codedance.tasks import read_tasks
    from fuzz import seeds, targets
    from tasks.test_adapters import ROWS

    plain = [seeds._without_bytes(row) for row in ROWS.values()]
    shelf = Path(tempfile.mkdtemp(prefix="guided-"))

    def tasks_in(ending: str) -> Reader:
        def read(data: bytes) -> None:
            path = shelf / f"tasks{ending}"
            path.write_bytes(data)
            list(read_tasks(path, on_bad=lambda error: None))

        return read

    return {
        "frames": (
            lambda data: parse_done(data, "t", targets.Frames._room),
            [json.dumps(targets.Frames._done).encode()],
            (Forged,),
        ),
        "replies": (lambda data: targets.read_body(data, 400), [json.dumps(one).encode() for one in seeds.BODIES], (AskAgain,)),
        "jsonl": (tasks_in(".jsonl"), [json.dumps(row).encode() for row in plain], (CodeDanceError,)),
        "tsv": (
            tasks_in(".tsv"),
            ["\t".join(row).encode() + b"\n" + "\t".join(map(str, row.values())).encode() for row in plain],
            (CodeDanceError,),
        ),
    }


def main() -> int:
    """Compare, or be one of the ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*")
    parser.add_argument("--number", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--way", choices=_WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--corpus", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        return _one_way(args.way, args.readers[0], args.number, args.seed, args.corpus)
    print("| reader | way | cases | seconds | lines reached | stray exceptions |\n|---|---|---|---|---|---|")
    for reader in args.readers or ("frames", "replies", "jsonl", "tsv"):
        for way in _WAYS:
            with tempfile.TemporaryDirectory() as folder:
                order = [
                    sys.executable,
                    __file__,
                    reader,
                    "--way",
                    way,
                    "--number",
                    str(args.number),
                    "--seed",
                    str(args.seed),
                    "--corpus",
                    folder,
                ]
                start = time.monotonic()
                ran = subprocess.run(order, capture_output=True, text=True, check=False)
                seconds = time.monotonic() - start
                if not (lines := [line for line in ran.stdout.splitlines() if line.startswith("{")]):
                    print(ran.stderr[-2000:], file=sys.stderr)
                    return 1
                told = json.loads(lines[-1])
            print(
                f"| {reader} | {way} | {args.number} | {seconds:.0f} | {told['lines']} | {', '.join(told['faults']) or 'none'} |",
                flush=True,
            )
    return 0


def _one_way(way: str, reader: str, number: int, seed: int, corpus: Path) -> int:
    """Run the cases; print what they reached."""
    if way == "guided":
        return _guided(reader, number, seed, corpus)
    read, honest, allowed = readers()[reader]
    counted = Reached(read, allowed)
    for data in _blind(way, reader, honest, number, seed):
        counted.run(data)
    print(json.dumps(counted.told()))
    return 0


def _blind(way: str, reader: str, honest: list[bytes], number: int, seed: int) -> Iterable[bytes]:
    from fuzz.mutations import Traps, mutated_bytes, mutated_json

    traps = Traps(Path("/tmp/outside"))
    for case in range(number):
        draw = random.Random(f"{reader} {seed} {case}")
        data = draw.choice(honest)
        yield (
            mutated_json(json.loads(data), draw, traps) if way == "structured" and reader != "tsv" else mutated_bytes(data, draw)
        )


class Reached:
    """Counts the lines of our code that inputs reach, and the stray exceptions.

    The interpreter's trace is switched off for a code object's lines that are known, so that long runs stay quick.
    """

    def __init__(self, read: Reader, allowed: tuple[type[BaseException], ...]) -> None:
        self._read, self._allowed = read, allowed
        self.lines: set[tuple[Any, int]] = set()
        self.faults: set[str] = set()

    def run(self, data: bytes) -> None:
        """One input."""
        sys.settrace(self._enter)
        try:
            self._read(data)
        except self._allowed:
            pass
        except Exception as error:  # boundary: what is looked for
            self.faults.add(type(error).__name__)
        finally:
            sys.settrace(None)

    def told(self) -> dict[str, Any]:
        """The figures."""
        return {"lines": len(self.lines), "faults": sorted(self.faults)}

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        return self._line if frame.f_code.co_filename.startswith(_OURS) else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        self.lines.add((frame.f_code, frame.f_lineno))
        return self._line


def _guided(reader: str, number: int, seed: int, corpus: Path) -> int:
    """libFuzzer writes what reached new code into the corpus, which is counted afterwards."""
    import atheris

    with atheris.instrument_imports(include=["codedance", "json"]):
        read, honest, allowed = readers()[reader]
    for place, data in enumerate(honest):
        (corpus / f"seed-{place}").write_bytes(data)
    faults: set[str] = set()

    def test(data: bytes) -> None:
        try:
            read(data)
        except allowed:
            pass
        except Exception as error:  # boundary: what is looked for
            faults.add(type(error).__name__)

    child = os.fork()
    if not child:  # libFuzzer ends the process itself
        with contextlib.suppress(Exception):
            sys.stdin.close()
        atheris.Setup([sys.argv[0], f"-runs={number}", f"-seed={seed}", "-max_len=4096", "-verbosity=0", str(corpus)], test)
        import atexit

        atexit.register(lambda: (corpus / ".faults").write_text(json.dumps(sorted(faults))))
        atheris.Fuzz()
        os._exit(0)
    os.waitpid(child, 0)
    counted = Reached(read, allowed)
    for path in sorted(corpus.iterdir()):
        if path.name != ".faults":
            counted.run(path.read_bytes())
    told = counted.told()
    noted = corpus / ".faults"
    told["faults"] = sorted({*told["faults"], *(json.loads(noted.read_text()) if noted.exists() else ())})
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
