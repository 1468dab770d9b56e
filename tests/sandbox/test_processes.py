"""What would start a process runs in threads or says what to do instead; asyncio works; a cell has a file name."""

from __future__ import annotations

import pytest

from codedance import Sandbox


@pytest.mark.parametrize(
    ("code", "stdout"),
    [
        ("from multiprocessing import Pool\nwith Pool(2) as p: print(p.map(abs, [-1, 2]))", "[1, 2]\n"),
        ("import multiprocessing as mp\nprint(mp.get_context('spawn').Pool(1).map(abs, [-9]))", "[9]\n"),
        ("from concurrent.futures import ProcessPoolExecutor as E\nwith E(2) as e: print(list(e.map(abs, [-4])))", "[4]\n"),
        ("from multiprocessing import Process, Queue\nq = Queue(); p = Process(target=q.put, args=(5,))\np.start(); p.join(9)\n"
         "print(q.get(), p.exitcode)", "5 0\n"),
    ],
)  # fmt: skip
async def test_multiprocessing_runs_in_threads_and_says_so(box: Sandbox, code: str, stdout: str) -> None:
    async with box.session() as session:
        result = await session.run(code)
        assert (result.stdout, result.notes) == (stdout, ("no process can be started here: multiprocessing ran in threads",))


async def test_a_command_is_refused_with_what_to_do_instead(box: Sandbox) -> None:
    async with box.session() as session:
        result = await session.run("import subprocess\nsubprocess.run(['ls'])")
        assert result.error.type == "PermissionError" and "os.listdir()" in result.error.message
        assert "processes.py" not in result.stderr
        assert "os.system ran nothing" in (await session.run("os.system('ls')")).notes[0]


async def test_asyncio_runs_from_cell_to_cell(box: Sandbox) -> None:
    async with box.session() as session:
        await session.run("import asyncio\nasync def f(x):\n    await asyncio.sleep(0.01)\n    return x")
        code = "async def g(): return await asyncio.gather(f(1), asyncio.to_thread(abs, -2))\nprint(asyncio.run(g()))"
        for _ in range(2):
            assert (await session.run(code)).stdout == "[1, 2]\n"


async def test_a_cell_has_a_name_of_its_own(box: Sandbox) -> None:
    async with box.session() as session:
        code = "print(os.path.dirname(os.path.abspath(__file__)) == os.getcwd(), __name__)"
        assert (await session.run(code)).stdout == "True __main__\n"
