"""Mutated input through everything that reads what others have written: no hang, no flood of memory, no stray exception or file.

    python tests/fuzz/campaign.py                               # 200,000 cases over all targets, and a table
    python tests/fuzz/campaign.py report --number 500 --seed 7
    python tests/fuzz/campaign.py report --only 131 --seed 7    # that case again, here and with its traceback

A target's cases run one after another in a child process, which tells before each which one it is. This process waits for at
most LIMIT_S; then the child says where it is and is killed, and another goes on behind the case. A case is named by target, seed
and number alone. Not covered: cases that harm only a later one.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import json
import os
import random
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.seeds import Seeds, make_seeds
from fuzz.targets import TARGETS, Target
from fuzz.watching import Watch

LIMIT_S = 10.0
MOST_MB = 1024
_ADDRESSES_MB = 6 * 1024
"""Of addresses beside those of the libraries, so that a flood ends before this machine does."""
_SETUP_S = 120.0
_MOST_SHOWN = 3


@dataclass
class Tally:
    """What became of a target's cases."""

    target: str
    cases: int = 0
    seconds: float = 0.0
    peak_mb: int = 0
    slowest_s: float = 0.0
    slowest: int = -1
    ended: Counter[str] = field(default_factory=Counter)
    """How cases ended: by which allowed error, or none."""
    faults: dict[str, list[int]] = field(default_factory=dict)
    """Numbers of cases by what went wrong."""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**vars(self), "ended": dict(self.ended)}

    def add(self, other: dict[str, Any]) -> None:
        """What a child has told at its end."""
        self.cases += other["cases"]
        self.ended.update(other["ended"])
        self.peak_mb = max(self.peak_mb, other["peak_mb"])
        if other["slowest_s"] > self.slowest_s:
            self.slowest_s, self.slowest = other["slowest_s"], other["slowest"]


def main() -> int:
    """The exit code: 1 where a case went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--number", type=int, default=200_000, help="cases; shared among several targets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="one case, in this process")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return _child(**json.loads(args.child))
    targets = args.targets or [name for name, target in TARGETS.items() if target.share]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        seeds = asyncio.run(make_seeds(Path(name), with_cells="replay" in targets))
        if args.only is not None:
            return _again(TARGETS[targets[0]](seeds), Path(name), args.seed, args.only)
        tallies = [fuzz(target, seeds, number_of(target, targets, args.number), args.seed, tell=True) for target in targets]
    print(table(tallies))
    if args.json:
        args.json.write_text(json.dumps([tally.plain() for tally in tallies], indent=1) + "\n")
    return int(any(tally.faults for tally in tallies))


def number_of(target: str, targets: list[str], number: int) -> int:
    """The cases of one target, by its share."""
    shares = sum(TARGETS[name].share for name in targets)
    return max(1, number * TARGETS[target].share // shares) if shares else number


def fuzz(target: str, seeds: Seeds, number: int, seed: int, *, tell: bool = False) -> Tally:
    """All cases of a target, in as many child processes as that takes."""
    tally, start, first = Tally(target), time.monotonic(), 0
    while first < number:
        first = _one_child(tally, seeds, first, number, seed, tell=tell)
    tally.seconds = time.monotonic() - start
    return tally


def _one_child(tally: Tally, seeds: Seeds, first: int, number: int, seed: int, *, tell: bool) -> int:
    """From case `first` to the last one, or the first that hangs or dies; the case to go on with."""
    order = {"target": tally.target, "first": first, "number": number, "seed": seed, "work": str(seeds.run.parent)}
    read_end, write_end = os.pipe()
    with tempfile.TemporaryFile() as errors:
        command = [sys.executable, __file__, "--child", json.dumps(order | {"pipe": write_end})]
        child = subprocess.Popen(command, pass_fds=(write_end,), stdout=errors, stderr=errors, start_new_session=True)
        os.close(write_end)
        at, is_whole, waiting_s = first - 1, False, _SETUP_S
        with os.fdopen(read_end, "rb", buffering=0) as told:
            buffer, since = b"", time.monotonic()
            while True:
                if not select.select([told], [], [], waiting_s)[0]:
                    _fault(tally, f"hang: {_where(child, errors)}", at)
                    break
                if not (piece := told.read(1 << 16)):
                    break
                *lines, buffer = (buffer + piece).split(b"\n")
                waiting_s = LIMIT_S
                for line in lines:
                    if line.isdigit():
                        at = int(line)
                        continue
                    record = json.loads(line)
                    is_whole = is_whole or "cases" in record
                    if "cases" in record:
                        tally.add(record)
                    elif "fault" in record:
                        _fault(tally, record["fault"], record["case"])
                if tell and time.monotonic() - since > 15:
                    since = time.monotonic()
                    print(
                        f"{tally.target}: {at + 1} of {number}, {len(tally.faults)} kinds of faults", file=sys.stderr, flush=True
                    )
        _kill(child)
        if not is_whole and at >= first:
            if not any(at in cases for cases in tally.faults.values()):
                _fault(tally, f"died with status {child.returncode}: {_tail(errors)}", at)
            tally.cases += at + 1 - first
        elif not is_whole:
            raise RuntimeError(f"{tally.target}: the child could not begin: {_tail(errors)}")
    return number if is_whole else at + 1


def _fault(tally: Tally, what: str, case: int) -> None:
    tally.faults.setdefault(what, []).append(case)


def _where(child: subprocess.Popen[bytes], errors: IO[bytes]) -> str:
    """Where a child that hangs is: its innermost lines of ours."""
    start = errors.seek(0, os.SEEK_END)
    child.send_signal(signal.SIGUSR1)
    time.sleep(0.5)
    errors.seek(start)
    lines = [line.strip() for line in errors.read().decode(errors="replace").splitlines() if "codedance" in line]
    return "; ".join(lines[:2]) or "nowhere in our code"


def _tail(errors: IO[bytes]) -> str:
    errors.seek(0)
    return errors.read().decode(errors="replace").strip()[-300:]


def _kill(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _child(*, target: str, first: int, number: int, seed: int, work: str, pipe: int) -> int:
    """Run the cases, and tell of each."""
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    folder = Path(work)
    seeds = Seeds.of(folder)
    place = Path(tempfile.mkdtemp(dir=folder, prefix=f"{target}-"))
    home = place / "home"
    home.mkdir()
    os.chdir(home)
    tempfile.tempdir = str(home)
    made = TARGETS[target](seeds)
    addresses = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (addresses + (_ADDRESSES_MB << 20), resource.RLIM_INFINITY))
    watch = Watch((place, seeds.other, seeds.run), seeds.traps.folder, may_start=made.may_start)
    tally = Tally(target)
    for case in range(first, number):
        os.write(pipe, b"%d\n" % case)
        for what in run_case(made, watch, tally, place / "case", seed, case):
            os.write(pipe, json.dumps({"fault": what, "case": case}).encode() + b"\n")
    made.close()
    os.write(pipe, json.dumps(tally.plain()).encode() + b"\n")
    shutil.rmtree(place, ignore_errors=True)
    return 0


def run_case(target: Target, watch: Watch, tally: Tally, place: Path, seed: int, case: int) -> list[str]:
    """What went wrong with one case."""
    place.mkdir()
    faults: list[str] = []
    run = target.prepare(random.Random(f"{target.name} {seed} {case}"), place)
    start, ended = time.monotonic(), "fine"
    with watch.case() as seen:
        try:
            run()
        except target.allowed as error:
            ended = type(error).__name__
        except Exception as error:  # boundary: what is looked for
            faults.append(_signature(error))
            ended = "fault"
    seconds = time.monotonic() - start
    faults += seen.faults
    if seen.peak_mb > MOST_MB:
        faults.append(f"memory: more than {MOST_MB} MB")
    if seconds > LIMIT_S:
        faults.append("hang: it ended after all")
    tally.cases += 1
    tally.ended[ended] += 1
    tally.peak_mb = max(tally.peak_mb, seen.peak_mb)
    if seconds > tally.slowest_s:
        tally.slowest_s, tally.slowest = seconds, case
    shutil.rmtree(place, ignore_errors=True)
    return faults


def _signature(error: BaseException) -> str:
    """The error's type and the innermost line of ours, which names a fault."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/src/codedance/" in frame.filename] or frames[-1:]
    where = f"{ours[-1].filename.rpartition('/codedance/')[2]}:{ours[-1].lineno}" if ours else "?"
    return f"{type(error).__name__} at {where}"


def _again(target: Target, work: Path, seed: int, case: int) -> int:
    """One case with its traceback; what it is made of stays."""
    place = Path(tempfile.mkdtemp(prefix=f"fuzz-{target.name}-{case}-"))
    print(f"the case lies in {place}")
    run = target.prepare(random.Random(f"{target.name} {seed} {case}"), place)
    try:
        print(f"it returned {str(run())[:300]}")
    except Exception:  # boundary: what is looked for
        traceback.print_exc()
        return 1
    finally:
        target.close()
    return 0


def table(tallies: list[Tally]) -> str:
    """Markdown, and below it each kind of fault with some of its cases."""
    rows: list[tuple[Any, ...]] = [
        ("target", "cases", "seconds", "fine", "named error", "faults", "kinds", "peak MB", "slowest"),
        ("---",) * 9,
    ]
    for own in tallies:
        fine, faulty = own.ended["fine"], sum(map(len, own.faults.values()))
        named, slowest = own.ended.total() - fine - own.ended["fault"], f"{own.slowest_s:.2f} s (case {own.slowest})"
        rows.append((own.target, own.cases, round(own.seconds), fine, named, faulty, len(own.faults), own.peak_mb, slowest))
    cases, seconds, kinds = (sum(row[place] for row in rows[2:]) for place in (1, 2, 6))
    rows.append(("all", cases, seconds, "", "", "", kinds, "", ""))
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    for own in tallies:
        for what, cases in sorted(own.faults.items(), key=lambda item: -len(item[1])):
            lines.append(f"{own.target}: {len(cases)} x {what}   (cases {', '.join(map(str, cases[:_MOST_SHOWN]))})")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
