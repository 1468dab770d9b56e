"""State: kept from cell to cell, rebuilt after a loss, branched by a fork; and slots, turns, cancellation."""

from __future__ import annotations

import asyncio
import time
from contextlib import nullcontext

import pytest
from PIL import Image

from codedance import ConfigError, ExecStatus, Limits, Sandbox, SandboxError
from codedance.sandbox.rebuild import PastCell


async def test_variables_survive_exceptions_and_soft_timeouts(box: Sandbox) -> None:
    async with box.session() as session:
        await session.run("x = 1")
        assert (await session.run("x += 1\nraise ValueError('no')")).status is ExecStatus.ERROR
        late = await session.run("x += 1\nwhile True: pass")
        assert (late.status, late.state_kept) == (ExecStatus.TIMEOUT, True)
        assert (await session.run("print(x)")).stdout == "3\n"


async def test_a_lost_session_is_rebuilt_from_the_cells_that_succeeded_and_says_so(box: Sandbox) -> None:
    async with box.session() as session:
        await session.run("x = 1")
        await session.run("x = 2\n1 / 0")
        crash = await session.run("print('last words', flush=True)\nimport os; os._exit(9)")
        assert (crash.status, crash.stdout, crash.state_kept) == (ExecStatus.CRASHED, "last words\n", False)
        assert "exit status 9" in crash.error.message
        after = await session.run("print(x)")
        assert (after.stdout, after.replayed, after.replay_failed) == ("1\n", 1, False)
        assert "rebuilt by replaying 1 cells" in after.notes[0]


async def test_a_replay_that_fails_is_told_and_keeps_what_worked(box: Sandbox) -> None:
    async with box.session() as session:
        await session.run("x = 1")
        await session.run("import os\nassert not os.path.exists('again') and x == 1\ny = 2")
        session._history[1] = PastCell("raise RuntimeError('not the second time')", 0.0)
        await session.run("import os; os.abort()")
        after = await session.run("print(x, 'y' in globals())")
        assert (after.stdout, after.replay_failed, after.replayed) == ("1 False\n", True, 1)
        assert "replay failed at cell 2 (RuntimeError)" in after.notes[0]


async def test_a_fork_has_the_state_and_goes_its_own_way(box: Sandbox, picture: Image.Image) -> None:
    async with box.session([picture]) as session:
        await session.run("x = input_image.width")
        async with session.fork() as branch:
            assert (await branch.run("x += 1; print(x)")).stdout == "65\n"
            async with branch.fork() as twig:
                assert (await twig.run("print(x)")).stdout == "65\n"
        assert (await session.run("print(x)")).stdout == "64\n"


async def test_a_replay_gives_the_same_bytes(box: Sandbox) -> None:
    code = (
        "import random, numpy as np, matplotlib.pyplot as plt\n"
        "v = np.random.default_rng().random(50) + np.random.rand(50) + random.random()\n"
        "plt.plot(v); plt.title(str(hash('a'))); plt.show(); print(v.sum(), {'b', 'a', 'c'})"
    )
    results = []
    for _ in range(2):
        async with box.session() as session:
            results.append(await session.run(code))
    assert results[0].stdout == results[1].stdout != ""
    assert results[0].images[0].tobytes() == results[1].images[0].tobytes()


async def test_three_hundred_sessions_live_at_once_and_keep_their_own_state() -> None:
    async with Sandbox(slots=300, require=0) as box:
        sessions = [box.session() for _ in range(300)]
        await asyncio.gather(*(session.__aenter__() for session in sessions))
        await asyncio.gather(*(session.run(f"mine = {i}") for i, session in enumerate(sessions)))
        results = await asyncio.gather(*(session.run("print(mine)") for session in sessions))
        assert [int(result.stdout) for result in results] == list(range(300))
        assert (await box.load()).live == 300
        await asyncio.gather(*(session.close() for session in sessions))
        assert (await box.load()).live == 0


async def test_a_cancellation_while_a_slot_or_a_turn_is_taken_is_not_lost(box: Sandbox) -> None:
    async def take_slots() -> None:
        for _ in range(1000):
            await box.take_slot()
            box.give_slot()
            await asyncio.sleep(0)

    async def take_turns() -> None:
        for _ in range(1000):
            async with box.turn():
                await asyncio.sleep(0)

    for work in (take_slots, take_turns):
        taking = asyncio.create_task(work())
        await asyncio.sleep(0)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking


async def test_when_all_slots_are_taken_the_next_waits_and_then_says_so() -> None:
    async with Sandbox(slots=1, pool=1, wait_s=0.3, require=0) as box:
        async with box.session():
            with pytest.raises(SandboxError, match=r"all 1 slots were taken for 0\.3 s"):
                await box.session().__aenter__()
        async with box.session() as session:
            assert (await session.run("print(1)")).stdout == "1\n"


async def test_a_cancelled_cell_is_ended_and_the_session_rebuilt(box: Sandbox) -> None:
    async with box.session() as session:
        await session.run("x = 1")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(session.run("import time; time.sleep(60)"), 0.2)
        after = await session.run("print(x)")
        assert (after.stdout, after.replayed) == ("1\n", 1)


async def test_cancelled_opens_leave_no_session_behind(box: Sandbox, picture: Image.Image) -> None:
    for delay in (0.0, 0.001, 0.002, 0.004, 0.008):
        task = asyncio.ensure_future(box.session([picture]).__aenter__())
        await asyncio.sleep(delay)
        task.cancel()
        result = (await asyncio.gather(task, return_exceptions=True))[0]
        if not isinstance(result, BaseException):
            await result.close()
    deadline = time.monotonic() + 5
    while (await box.load()).live and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert (await box.load()).live == 0


async def test_cells_of_one_session_run_one_after_another(box: Sandbox) -> None:
    async with box.session() as session:
        await session.run("order = []")
        await asyncio.gather(*(session.run(f"order.append({i})") for i in range(10)))
        assert (await session.run("print(order)")).stdout == f"{list(range(10))}\n"


async def test_code_that_cannot_be_sent_is_refused_as_a_result(box: Sandbox) -> None:
    async with box.session() as session:
        for code in ("x = '" + "a" * 200_000 + "'", "x = 1\0"):
            result = await session.run(code)
            assert (result.status, result.error.type, result.state_kept) == (ExecStatus.ERROR, "CodeRefused", True)
        assert (await session.run("print('\N{SNOWMAN}' + '\ud800'.encode('utf-8', 'replace').decode())")).ok


@pytest.mark.parametrize("unit", ["\n", "\N{CYRILLIC SMALL LETTER SHORT I}", "\x01", "\N{GRINNING FACE}", "x"])
async def test_code_up_to_the_limit_runs_whatever_its_characters(box: Sandbox, unit: str) -> None:
    most = box.limits.code_kb * 1024 - 30
    async with box.session() as session:
        result = await asyncio.wait_for(session.run("s = '''" + unit * (most // len(unit.encode())) + "'''\nprint(1)"), 10)
        assert (result.status, result.stdout) == (ExecStatus.OK, "1\n")


async def test_a_rebuild_that_is_interrupted_is_done_by_the_next_run() -> None:
    async with (
        Sandbox(Limits(time_s=3), require=0, parallel=1, wait_s=0.3) as box,
        box.session() as hog,
        box.session() as session,
    ):
        for cell in ("x = 1", "y = 2", "z = 3"):
            await session.run(cell)
        assert (await session.run("import os; os._exit(1)")).status is ExecStatus.CRASHED
        hogging = asyncio.ensure_future(hog.run("import time; time.sleep(1)"))
        await asyncio.sleep(0.1)
        with pytest.raises(SandboxError, match="raise parallel"):
            await session.run("print(x)")
        await hogging
        after = await session.run("print(x, y, z)")
        assert (after.stdout, after.replayed, after.replay_failed) == ("1 2 3\n", 3, False)


async def test_a_replay_that_fails_late_keeps_the_cells_before(box: Sandbox) -> None:
    async with box.session() as session:
        for cell in ("x = 1", "y = 2", "z = 3", "w = 4"):
            await session.run(cell)
        session._history[2] = PastCell("import os; os._exit(5)", 0.0)
        await session.run("import os; os.abort()")
        after = await session.run("print(x, y, 'z' in globals())")
        assert (after.stdout, after.replayed, after.replay_failed) == ("1 2 False\n", 2, True)
        assert "replay failed at cell 3" in after.notes[0]
        assert len(session.history) == 3


async def test_a_history_that_ends_every_process_does_not_end_the_session(box: Sandbox) -> None:
    async with box.session() as session:
        await session.run("x = 1")
        session._history[0] = PastCell(
            "import os, threading, time\nthreading.Timer(0.0, lambda: [time.sleep(0.0005), os._exit(0)]).start()", 0.0
        )
        await session.run("import os; os.abort()")
        statuses = [(await session.run("print(1)")).status for _ in range(4)]
        assert statuses[-1] in (ExecStatus.OK, ExecStatus.CRASHED)


SLEEP = "import time\ntime.sleep({})"
STUBBORN = "import time\nwhile True:\n    try: time.sleep(9)\n    except BaseException: pass"


@pytest.mark.parametrize(
    ("cells", "num_replayed"),
    [
        ([SLEEP.format(1)] * 5, {0}),
        ([STUBBORN] * 5, {0}),
        ([SLEEP.format(0.3)] * 6 + ["raise ValueError('late')"], {0, 1}),
        (["import os; os._exit(3)"] * 9, {0}),
    ],
    ids=["slow", "stubborn", "fail late", "end the process"],
)
@pytest.mark.parametrize("branches", [False, True], ids=["after a loss", "in a fork"])
async def test_cells_that_are_slow_only_when_replayed_do_not_hold_up_the_call(
    box: Sandbox, cells: list[str], num_replayed: set[int], branches: bool
) -> None:
    async with box.session() as session:
        session._history[:] = [PastCell(cell, 0.01) for cell in cells]
        if not branches:
            await session.run("import os; os._exit(1)")
        async with session.fork() if branches else nullcontext(session) as rebuilt:
            started = time.monotonic()
            back = await rebuilt.run("print('back')")
            assert time.monotonic() - started < box.limits.time_s + box.limits.grace_s + 1
        assert (back.stdout, back.replay_failed) == ("back\n", True) and back.replayed in num_replayed
        assert "the replay failed at cell" in back.notes[0]


async def test_cells_that_took_too_long_to_be_replayed_are_left_out_and_the_state_before_them_is_kept(box: Sandbox) -> None:
    async with box.session() as session:
        await session.run("x = 42")
        session._history += [PastCell("x = 43", 2.0), PastCell("x = 44", 2.0), PastCell("x = 45", 2.9)]
        await session.run("import os; os._exit(1)")
        back = await session.run("print(x)")
        assert (back.stdout, back.replayed, back.replay_failed) == ("44\n", 3, True)
        assert back.notes[0].endswith("failed at cell 4 (no time is left for it: replays may take 2.25 s, all together)")
        assert session.history == ("x = 42", "x = 43", "x = 44", "print(x)")


async def test_what_a_rebuild_takes_is_taken_from_the_cell_and_told(box: Sandbox) -> None:
    async with box.session() as session:
        await session.run(SLEEP.format(1))
        await session.run("import os; os._exit(1)")
        late = await session.run("x = 1\nwhile True: pass")
        assert (late.status, late.state_kept, late.replayed) == (ExecStatus.TIMEOUT, True, 1)
        assert 1.0 < late.seconds < 2.2
        assert "rebuilt by replaying 1 cells; that took 1." in late.notes[0] and "which left" in late.notes[0]
        full = await session.run("import time\ntime.sleep(2.2)\nprint(x)")
        assert full.stdout == "1\n"


async def test_forks_and_closes_leave_no_process(box: Sandbox) -> None:
    async with box.session() as session:
        await session.run("x = 1")
        for _ in range(5):
            async with session.fork() as branch:
                await branch.run("print(x)")
    assert (await box.load()).live == 0


async def test_closing_while_a_cell_waits_or_runs_ends_it(picture: Image.Image) -> None:
    async with Sandbox(Limits(time_s=5), require=0, parallel=1) as box:
        async with box.session([picture]) as first, box.session([picture]) as second:
            running = asyncio.ensure_future(first.run("import time; time.sleep(4)"))
            await asyncio.sleep(0.1)
            waiting = asyncio.ensure_future(second.run("print(1)"))
            await asyncio.sleep(0.1)
            await asyncio.wait_for(first.close(), 3)
            await asyncio.wait_for(second.close(), 3)
            outcomes = await asyncio.wait_for(asyncio.gather(running, waiting, return_exceptions=True), 3)
            assert isinstance(outcomes[0], SandboxError) or not outcomes[0].state_kept
        assert (await box.load()).live == 0


async def test_a_session_is_entered_once(box: Sandbox) -> None:
    async with box.session() as session:
        with pytest.raises(SandboxError, match="entered before"):
            await session.__aenter__()
    with pytest.raises(SandboxError, match="entered before"):
        await session.__aenter__()


@pytest.mark.parametrize("code", [None, b"1", 5])
async def test_code_must_be_text(box: Sandbox, code: object) -> None:
    async with box.session() as session:
        with pytest.raises(TypeError, match="a cell is text"):
            await session.run(code)


async def test_a_session_outside_its_block_says_how_to_use_it(box: Sandbox) -> None:
    session = box.session()
    with pytest.raises(SandboxError, match="async with"):
        await session.run("1")
    async with session:
        pass
    with pytest.raises(SandboxError, match="async with"):
        await session.run("1")
    await session.close()


async def test_a_sandbox_outside_its_block_says_how_to_use_it() -> None:
    box = Sandbox()
    with pytest.raises(SandboxError, match="async with"):
        _ = box.isolation
    with pytest.raises(SandboxError, match="never entered"):
        await box.load()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"require": 5}, "require is 5; it must lie between 0 and 4"),
        ({"slots": 0}, "slots is 0; it must be a whole number of at least 1"),
        ({"parallel": 0}, "parallel is 0"),
        ({"pool": -1}, "pool is -1"),
        ({"wait_s": 0}, "wait_s is 0"),
        ({"without": ["magic"]}, "magic"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sandbox(**settings)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"time_s": 0}, r"Limits.time_s is 0; it must be a number from 0.05"),
        ({"memory_mb": 3.5}, "must be a number from 64"),
        ({"images": 2.5}, "must be a whole number"),
        ({"threads": True}, "Limits.threads is True"),
        ({"code_kb": 10**6}, "from 1 to 160"),
    ],
)
def test_a_wrong_limit_is_named_with_its_range(limits: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Limits(**limits)


async def test_images_must_be_a_list(box: Sandbox) -> None:
    with pytest.raises(ConfigError, match=r"images=\[picture\]"):
        box.session(images="photo.jpg")


async def test_below_the_required_level_it_refuses_with_what_is_missing_and_how_to_get_it() -> None:
    with pytest.raises(SandboxError) as caught:
        async with Sandbox(without=["namespaces"], require=3):
            pass
    message = str(caught.value)
    assert "level 2 is available here, level 3 is required" in message or "level 1" in message
    assert "namespaces: switched off" in message and "leave namespaces out of `without`" in message and "require=" in message


async def test_level_and_missing_pieces_are_in_every_result() -> None:
    async with Sandbox(without=["namespaces", "cgroup"], require=0) as box, box.session() as session:
        result = await session.run("1")
        assert result.isolation.level <= 2
        assert any(line.startswith("disk") for line in result.isolation.missing)
