"""What the sandbox promises: how it behaves (CONFORMANCE) and what nothing inside it can do (ESCAPES).

async for outcome in run_checks(box, CHECKS): ...
"""

from __future__ import annotations

from collections.abc import Sequence

from codedance.sandbox.selfcheck import (
    LIMITS,
    Check,
    attempt,
    blocked,
    both,
    capped,
    contained,
    describe,
    ends,
    failed_as,
    kept,
    note,
    prints,
    shows,
    survived,
    syscalls,
)
from codedance.types import ExecResult, ExecStatus, WallName


def _blue(results: Sequence[ExecResult]) -> str | None:
    colours = [image.getpixel((0, 0)) for image in results[-1].images]
    return None if colours == [(0, 0, 255)] else f"expected one blue picture, got {colours}"


_OK, _QUIET, _ERROR = ExecStatus.OK, ExecStatus.NO_OUTPUT, ExecStatus.ERROR
_LATE, _CRASH, _PROTOCOL, _FULL = ExecStatus.TIMEOUT, ExecStatus.CRASHED, ExecStatus.PROTOCOL, ExecStatus.OUT_OF_MEMORY

CONFORMANCE: tuple[Check, ...] = (
    Check("what is printed comes back", ("print('hällo')",), prints("hällo")),
    Check("variables live from cell to cell", ("x = 3", "def f(): return x + 1", "print(f())"), prints("4")),
    Check("an exception keeps the variables", ("x = 3\n1 / 0", "print(x)"), both(ends(_ERROR, _OK), survived)),
    Check("an exception is told by type and line", ("a = 1\nb = 2\na / (b - 2)",), failed_as("ZeroDivisionError", 3)),
    Check("a syntax error is told by line", ("x = 1\nif x:\nprint(2)",), failed_as("IndentationError", 3)),
    Check("code without output is told apart", ("x = 1  # nothing to see", "# only a comment"), ends(_QUIET, _QUIET)),
    Check("a trailing value is printed", ("{'a': [1, 2]}",), prints("{'a': [1, 2]}")),
    Check("a trailing picture is shown", ("input_image.crop((0, 0, 60, 40)).resize((90, 60))",), shows((90, 60))),
    Check("plt.show is caught", ("import matplotlib.pyplot as plt\nplt.figure(figsize=(2, 1))\nplt.show()",), shows((300, 150))),
    Check("a figure left open is caught", ("import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1));",), shows((150, 150))),
    Check(
        "Image.show and display are caught in order",
        ("from PIL import Image\nImage.new('L', (80, 60)).show()\ndisplay(Image.new('RGBA', (60, 80)))",),
        shows((80, 60), (60, 80)),
    ),
    Check(
        "cv2.imshow is caught as BGR",
        ("import cv2, numpy as np\na = np.zeros((60, 60, 3), np.uint8)\na[:, :, 0] = 255\ncv2.imshow('w', a)\ncv2.waitKey(0);",),
        _blue,
    ),
    Check(
        "input_image is the picture, its file too",
        (
            "import cv2, numpy as np\nfrom PIL import Image\na = np.asarray(input_image)\n"
            "b = np.asarray(Image.open('input_image.jpg'))\nc = cv2.imread('input_image.jpg')[:, :, ::-1]\n"
            "print(a.shape, a[47, 63].tolist(), (a == b).all(), (a == c).all())",
        ),
        prints("(48, 64, 3) [252, 235, 200] True True"),
    ),
    Check(
        "too many pictures are dropped and said",
        ("for _ in range(9): input_image.resize((64, 64)).show()",),
        both(shows(*[(64, 64)] * LIMITS.images), note("5 pictures were dropped")),
    ),
    Check(
        "a picture like a thread is dropped and said",
        ("from PIL import Image\nImage.new('RGB', (9000, 3)).show()",),
        both(shows(), note("was dropped")),
    ),
    Check(
        "a tiny picture is enlarged and said",
        ("input_image.crop((0, 0, 8, 8)).show()",),
        both(shows((112, 112)), note("enlarged")),
    ),
    Check(
        "output is cut at the limit",
        ("print('x' * 10**6)", "print('y')"),
        lambda results: (
            None
            if results[0].truncated and len(results[0].stdout) == LIMITS.output_kb * 1024 and results[1].stdout == "y\n"
            else describe(results[0])
        ),
    ),
    Check("output that is no text comes back", ("import os\nos.write(1, b'\\xff\\xfeok');",), prints("\ufffd\ufffdok")),
    Check(
        "a loop is interrupted and keeps the variables",
        ("x = 3\nwhile True: pass", "print(x)"),
        both(ends(_LATE, _OK), survived),
    ),
    Check(
        "a loop that ignores the interrupt is killed",
        (
            "x = 3",
            "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
            "print(x)",
        ),
        lambda results: (
            None
            if results[1].status is _LATE and not results[1].state_kept and results[2].replayed == 1
            else describe(results[2])
        ),
    ),
    Check(
        "after a crash the state is rebuilt and that is said",
        ("x = 3", "import os; os._exit(7)", "print(x)"),
        both(ends(_QUIET, _CRASH, _OK), prints("3"), note("rebuilt")),
    ),
    Check(
        "a crash keeps what was printed",
        ("import os, sys\nprint('before', flush=True)\nos.abort()",),
        both(ends(_CRASH), prints("before")),
    ),
    Check("exit() ends the cell, not the session", ("x = 3\nexit()\nx = 4", "print(x)"), both(ends(_QUIET, _OK), prints("3"))),
    Check("input() is refused clearly", ("input('name? ')",), failed_as("EOFError", 1)),
    Check(
        "random numbers repeat",
        (
            "import random, numpy as np\nprint(random.random(), np.random.rand(), np.random.default_rng().random(), hash('a'))",
            "import os; os._exit(0)",
            "print(random.random())",
        ),
        lambda results: None if results[0].ok and results[2].replayed == 1 else describe(results[2]),
    ),
    Check("stdin is empty", ("import sys\nprint(repr(sys.stdin.read()))",), prints("''")),
)

_HOST_FILES = ("/etc/passwd", "/etc/shadow", "/proc/self/environ", "/proc/1/environ", "/sys/kernel/notes", "/dev/mem")

_NAMESPACES_AND_TRACES = """
unshare:272:97 setns:308:268 mount:165:40 umount2:166:39 pivot_root:155:41 chroot:161:51 ptrace:101:117
process_vm_readv:310:270 process_vm_writev:311:271 open_tree:428:428 move_mount:429:429 fsopen:430:430 mount_setattr:442:442
"""
_KERNEL_SURFACE = """
bpf:321:280 perf_event_open:298:241 userfaultfd:323:282 add_key:248:217 request_key:249:218 keyctl:250:219
io_uring_setup:425:425 io_uring_enter:426:426 io_uring_register:427:427 memfd_create:319:279 open_by_handle_at:304:265
fanotify_init:300:262 kexec_load:246:104 kexec_file_load:320:294 init_module:175:105 finit_module:313:273 syslog:103:116
pidfd_open:434:434 pidfd_getfd:438:438 process_madvise:440:440 seccomp:317:277 landlock_restrict_self:446:446 shmget:29:194
shmat:30:196 msgget:68:186 mq_open:240:180 semget:64:190 quotactl:179:60 swapon:167:224 reboot:169:142 settimeofday:164:170
"""
_X32 = f"getpid:{2**30 + 39}:{2**30 + 39} fork:{2**30 + 57}:{2**30 + 57} socket:{2**30 + 41}:{2**30 + 41}"

ESCAPES: tuple[Check, ...] = (
    Check("the host's files cannot be read", (attempt(*[f"open({p!r}, 'rb').read(1)" for p in _HOST_FILES]),), blocked, 2),
    Check(
        "the host's directories cannot be listed",
        (attempt(*[f"os.listdir({p!r})" for p in ("/proc", "/sys", "/home", "/var", "/boot")]),),
        blocked,
        2,
    ),
    Check(
        "the caller's environment is not there",
        (
            "import os\nleaks = {'USER', 'LOGNAME', 'PWD', 'PYTHONPATH', 'OPENAI_API_KEY', 'SSH_AUTH_SOCK', 'CANARY_SECRET'}\n"
            "print(sorted(set(os.environ) & leaks))",
        ),
        prints("[]"),
    ),
    Check(
        "nothing can be written outside",
        (attempt(*[f"open({p!r}, 'w')" for p in ("/x", "/usr/x", "/etc/x", "/dev/x", "/var/tmp/x")]),),
        blocked,
        1,
    ),
    Check(
        "links lead nowhere",
        (
            attempt(
                "os.symlink('/etc/passwd', 'out.png'); open('out.png').read()",
                "os.remove('input_image.jpg'); os.symlink('/etc/shadow', 'input_image.jpg'); open('input_image.jpg').read()",
            ),
        ),
        blocked,
        2,
    ),
    Check(
        "there are no sockets of any family",
        (
            attempt(
                *[
                    f"socket.socket({family}, {kind}); print('family {family}')"
                    for family, kind in ((1, 1), (1, 2), (2, 1), (2, 2), (10, 1), (16, 3), (17, 3), (40, 1), (38, 5))
                ],
                *[
                    f"socket.socketpair({family}, {kind}); print('family {family}')"
                    for family, kind in ((1, 2), (1, 5), (2, 1), (2, 2), (10, 1), (16, 3), (30, 1), (40, 1))
                ],
                "socket.create_connection(('127.0.0.1', 9), 1)",
            ),
        ),
        blocked,
        1,
    ),
    Check(
        "a connected pair of sockets leads nowhere",
        (
            attempt(
                *[
                    f"socket.socketpair()[0].{call}"
                    for call in (
                        "bind('\\0x')",
                        "bind('x')",
                        "connect('\\0x')",
                        "listen(1)",
                        "accept()",
                        "getpeername()",
                        "sendto(b'x', '\\0x')",
                        "sendto(b'x', '/run/x')",
                        "setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)",
                        "sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b'\\3\\0\\0\\0')])",
                        "recvmsg(9)",
                    )
                ]
            ),
        ),
        blocked,
        1,
    ),
    Check(
        "asyncio runs",
        ("import asyncio\nasync def f(): return await asyncio.to_thread(abs, -3)\nprint(asyncio.run(f()))",),
        prints("3"),
    ),
    Check(
        "no process can be started",
        (
            attempt(
                "os.fork()",
                "os.execv('/bin/true', ['true'])",
                "subprocess.run(['true'])",
                "os.posix_spawn('/bin/true', ['true'], {})",
                "assert os.system('true') == 0 or (_ for _ in ()).throw(OSError('no shell'))",
            ),
        ),
        blocked,
        1,
    ),
    Check(
        "no other process can be seen or signalled",
        (
            attempt(
                "os.kill(-1, 9)",
                "os.kill(os.getppid() or 99999, 0)",
                "os.kill(2, 0)",
                "os.kill(99, 0)",
                "os.killpg(os.getpgrp() or 99999, 0)",
                "os.pidfd_open(os.getpid())",
            ),
        ),
        blocked,
        1,
    ),
    Check(
        "other processes are not even there",
        (
            "import os\nprint('blocked' if (os.getpid(), os.getppid()) == (1, 0) else 'ESCAPED')\n"
            "for pid in range(2, 300):\n    try:\n        os.getpgid(pid)\n        print('ESCAPED', pid)\n"
            "    except ProcessLookupError: pass",
        ),
        blocked,
        3,
    ),
    Check("no namespace, mount or trace", (syscalls(_NAMESPACES_AND_TRACES),), blocked, 1),
    Check(
        "no kernel surface",
        (syscalls(_KERNEL_SURFACE),),
        blocked,
        1,
    ),
    Check("no x32 calls", (syscalls(_X32),), blocked, 1),
    Check(
        "privileges cannot come back",
        (attempt("os.setuid(0)", "os.setgid(0)", "os.setgroups([0])", "os.chroot('.')"),),
        blocked,
        1,
    ),
    Check(
        "the disk cannot be filled",
        (
            f"size = 0\ntry:\n    with open('big', 'wb', 0) as f:\n        for _ in range({4 * LIMITS.disk_mb}):\n"
            "            size += f.write(b'x' * 2**20)\nexcept OSError: pass\nprint(size >> 20)",
            "1",
        ),
        capped(LIMITS.disk_mb),
        2,
    ),
    Check(
        "the disk cannot be filled in other places either",
        (
            "for place in ('/tmp/big', '/mnt/data/big', 'big'):\n    try:\n        with open(place, 'wb') as f:\n"
            "            while True: f.write(b'x' * 2**20)\n    except OSError: pass\n"
            "size = sum(os.stat(p).st_size for p in ('/tmp/big', '/mnt/data/big', 'big'))\nprint(size <= 2**24)",
        ),
        prints("True"),
        3,
    ),
    Check(
        "the disk cannot be filled with small files",
        (
            f"count = 0\ntry:\n    for i in range({4 * LIMITS.files}):\n        open(f'f{{i}}', 'w').close()\n"
            "        count += 1\nexcept OSError: pass\nprint(count)",
            "1",
        ),
        capped(LIMITS.files),
        2,
    ),
    Check("memory cannot be exhausted: heap", ("b = bytearray(10**10)", "print(1)"), both(survived, ends(_FULL, _OK)), 1),
    Check(
        "memory cannot be exhausted: bit by bit",
        ("l = []\nwhile True: l.append(bytearray(2**24))", "print(len(l) < 100)"),
        both(survived, prints("True")),
        1,
    ),
    Check(
        "memory cannot be exhausted: shared",
        ("import mmap\nl = []\nwhile True:\n    m = mmap.mmap(-1, 2**24)\n    m.write(b'x' * 2**24)\n    l.append(m)", "1"),
        survived,
        1,
    ),
    Check(
        "memory cannot be exhausted: pictures",
        ("from PIL import Image\nl = [Image.new('RGB', (20000, 20000)) for _ in range(9)]", "1"),
        survived,
        1,
    ),
    Check(
        "threads are limited",
        (
            f"import threading, time\nthreading.stack_size(2**16)\ncount = 1\ntry:\n    for _ in range({4 * LIMITS.threads}):\n"
            "        threading.Thread(target=time.sleep, args=(0.5,), daemon=True).start()\n        count += 1\n"
            "except RuntimeError: pass\nprint(count)",
            "1",
        ),
        capped(LIMITS.threads),
        1,
        WallName.THREADS,
    ),
    Check(
        "descriptors are limited",
        (
            f"import os\nl = []\ntry:\n    for _ in range({4 * LIMITS.open_files}): l.append(os.dup(1))\nexcept OSError: pass\n"
            "print(len(l))\nfor fd in l: os.close(fd)",
            "1",
        ),
        both(kept, capped(LIMITS.open_files)),
        1,
    ),
    Check("a flood on descriptor 1 stays small", ("import os\nwhile True: os.write(1, b'x' * 65536)", "print(1)"), survived),
    Check(
        "garbage on the channel ends only this session",
        ("import os\nos.write(3, b'\\x00garbage')\nimport time; time.sleep(1)", "print(1)"),
        ends(_PROTOCOL, _OK),
    ),
    Check(
        "a forged reply is refused",
        (
            'import os\nos.write(3, b\'{"token": "", "error": null, "images": [], "notes": []}\')\nimport time; time.sleep(1)',
            "print(1)",
        ),
        ends(_PROTOCOL, _OK),
    ),
    Check("a closed channel is noticed", ("import os\nos.close(3)\nos.close(4)", "print(1)"), contained),
    Check(
        "sabotaged builtins change nothing",
        (
            "import builtins, sys, os, json\nx = 3\nbuiltins.len = builtins.print = builtins.isinstance = None\n"
            "sys.stdout = None\nos.write = None\njson.dumps = None",
            "print(x)",
        ),
        prints("3"),
    ),
    Check(
        "a segmentation fault ends only this session",
        ("import ctypes\nctypes.string_at(0)", "1"),
        both(contained, ends(_CRASH, _OK)),
    ),
    Check(
        "unbounded recursion ends only this session",
        ("import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()", "1"),
        contained,
    ),
)

CHECKS = CONFORMANCE + ESCAPES
