"""Attacks beyond those of the shipped self-check, as checks of the same form."""

from __future__ import annotations

from codedance import ExecStatus
from codedance.sandbox.selfcheck import Check, attempt, blocked, both, contained, describe, ends, prints, survived

_OK, _QUIET, _ERROR = ExecStatus.OK, ExecStatus.NO_OUTPUT, ExecStatus.ERROR
_LATE, _CRASH, _PROTOCOL = ExecStatus.TIMEOUT, ExecStatus.CRASHED, ExecStatus.PROTOCOL

_MODULES = "import ctypes, gc, json, os, signal, sys, threading, time\n"
_TOKEN = (  # what code can do that knows this project: find the worker's frame and with it the token of the running request
    _MODULES + "frame = sys._getframe()\n"
    "while frame and 'message' not in frame.f_locals: frame = frame.f_back\n"
    "token = frame.f_locals['message']['token']\n"
    "def send(**fields): os.write(3, json.dumps({'token': token, **fields}).encode())\n"
    "good = {'error': None, 'images': [], 'notes': []}\n"
)


def _frame(fields: str) -> tuple[str, str]:
    return (_TOKEN + f"send(**{{**good, {fields}}})\ntime.sleep(1)", "print(1)")


def _survived_all(results: list) -> str | None:  # type: ignore[type-arg]
    """No cell ended the session."""
    return None if all(r.state_kept and not r.replayed for r in results) else "; ".join(map(describe, results))


def _its_own_harm(results: list) -> str | None:  # type: ignore[type-arg]
    """Code that forges a reply of its own session with the right token harms that session alone."""
    return None if results[-1].status in (_OK, _PROTOCOL) else describe(results[-1])


def _one_result_each(results: list) -> str | None:  # type: ignore[type-arg]
    """A session may lie about itself; it must not get out of step for longer than that."""
    last = results[-1]
    return None if last.ok and last.stdout == "1\n" else describe(last)


# fmt: off
STALLS = (
    Check("setitimer does not help", (
        _MODULES + "signal.setitimer(signal.ITIMER_REAL, 0); signal.alarm(0)\nwhile True: pass", "print(1)"), ends(_LATE, _OK)),
    Check("masking every signal does not help", (
        _MODULES + "signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())\nwhile True: pass", "print(1)",
    ), both(contained, ends(_LATE, _OK))),
    Check("catching everything does not help", (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass", "print(1)"), ends(_LATE, _OK)),
    Check("a handler of its own does not help", (
        _MODULES + "signal.signal(signal.SIGXCPU, lambda *a: None)\nwhile True: pass", "print(1)"), ends(_LATE, _OK)),
    Check("sleeping in C does not help", (_MODULES + "ctypes.CDLL(None).sleep(60)", "print(1)"), ends(_LATE, _OK)),
    Check("a long C computation does not help", ("x = 7 ** (10 ** 9)", "print(1)"), ends(_LATE, _OK)),
    Check("a hopeless regular expression does not help", ("import re\nre.match('(a+)+$', 'a' * 60 + 'b')", "print(1)"), ends(_LATE, _OK)),
    Check("stopping itself does not help", (_MODULES + "os.kill(os.getpid(), signal.SIGSTOP)\nwhile True: pass", "print(1)"), ends(_LATE, _OK)),
    Check("an exception whose text never comes does not help", (
        "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E()", "print(1)"), both(contained, ends(_LATE, _OK))),
    Check("a value whose text never comes does not help", (
        "class V:\n    def __repr__(self):\n        while True: pass\nV()", "print(1)"), ends(_LATE, _OK)),
    Check("a destructor that never ends does not help", (
        "class D:\n    def __del__(self):\n        while True: pass\nD()\nNone", "print(1)"), ends(_LATE, _OK)),
    Check("asking about files without end does not help", ("import os\nwhile True: os.path.exists('x')", "print(1)"), ends(_LATE, _OK)),
    Check("starting threads without end does not help", (
        "import threading\nwhile True:\n    try: threading.Thread(target=int).start()\n    except RuntimeError: pass", "print(1)"), ends(_LATE, _OK)),
    Check("a deadlock does not help", ("import threading\nl = threading.Lock()\nl.acquire(); l.acquire()", "print(1)"), ends(_LATE, _OK)),
)

CHANNEL = (
    Check("an empty frame", (_MODULES + "os.write(3, b'')\ntime.sleep(0.2); print(1)", "print(1)"), _one_result_each),
    Check("a frame that is a number", (_MODULES + "os.write(3, b'1e999')\ntime.sleep(1)", "print(1)"), ends(_PROTOCOL, _OK)),
    Check("a frame nested without end", (_MODULES + "os.write(3, b'[' * 100000)\ntime.sleep(1)", "print(1)"), ends(_PROTOCOL, _OK)),
    Check("a frame of the largest size", (
        _MODULES + "try: os.write(3, b'x' * 200000)\nexcept OSError: pass\nelse: time.sleep(1)", "print(1)"), _one_result_each),
    Check("a flood of frames", (_MODULES + "while True: os.write(3, b'{}')", "print(1)"), ends(_PROTOCOL, _OK)),
    Check("a pickle", (_MODULES + "import pickle\nos.write(3, pickle.dumps(print))\ntime.sleep(1)", "print(1)"), ends(_PROTOCOL, _OK)),
    Check("a reply of its own is taken once", (_TOKEN + "send(**good)", "print(1)", "print(1)"), _its_own_harm),
    Check("a picture beyond the outbox", _frame("'images': [[10**9, 10**4, 10**4]]"), ends(_PROTOCOL, _OK)),
    Check("a picture over the text", _frame("'images': [[0, 1, 1]]"), ends(_PROTOCOL, _OK)),
    Check("a picture of negative size", _frame("'images': [[40000, -5, 5]]"), ends(_PROTOCOL, _OK)),
    Check("a picture of enormous numbers", _frame("'images': [[1, 10**4000, 1]]"), ends(_PROTOCOL, _OK)),
    Check("too many pictures", _frame("'images': [[40000, 1, 1]] * 1000"), ends(_PROTOCOL, _OK)),
    Check("a size that is no number", _frame("'images': [[float('nan'), 'a', None]]"), ends(_PROTOCOL, _OK)),
    Check("a size that is a truth value", _frame("'images': [[True, True, True]]"), ends(_PROTOCOL, _OK)),
    Check("an error that is no error", _frame("'error': [1, 2]"), ends(_PROTOCOL, _OK)),
    Check("an error of half characters", (*_frame("'error': {'type': chr(0xd800), 'message': chr(0xdfff), 'line': None}"), "print(1)"), _one_result_each),
    Check("a note without end", _frame("'notes': ['x' * 10**5]"), ends(_PROTOCOL, _OK)),
    Check("a field too many", _frame("'status': 'ok'"), ends(_PROTOCOL, _OK)),
    Check("a channel used for something else", (
        _MODULES + "os.dup2(os.open('input_image.jpg', os.O_RDWR), 3)", "print(1)"), contained),
    Check("an output file cut short", (_MODULES + "print('x' * 9000, flush=True)\nfor fd in (1, 2, 5): os.ftruncate(fd, 0)", "print(1)"),
        both(ends(_ERROR, _OK), survived)),
    Check("an output file moved", (_MODULES + "os.lseek(1, 2**40, 0)\nos.lseek(2, 2**62, 0)", "print(1)"), _one_result_each),
    Check("descriptors that do not exist in a session", (
        "import os\nopen_ones = []\nfor fd in range(1000):\n    try: os.fstat(fd); open_ones.append(fd)\n    except OSError: pass\n"
        "print(open_ones)",), prints("[0, 1, 2, 3, 5]")),
)

MACHINERY = (
    Check("threads stand still between cells", (
        "import threading, time\nn = 0\ndef count():\n    global n\n    while True:\n        n += 1; time.sleep(0.001)\n"
        "threading.Thread(target=count, daemon=True).start()\ntime.sleep(0.05)\nm = n", "print(n - m < 60)",
    ), both(ends(_QUIET, _OK), prints("True"))),
    Check("append mode on every descriptor", (
        "import fcntl, os\nfor fd in range(6):\n    try: fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)\n    except OSError: pass\nprint('hi')",
        "print(1)"), prints("1"), 1),
    Check("append mode and a crash", (
        "import fcntl, os\nfor fd in range(6):\n    try: fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)\n    except OSError: pass\n"
        "os.write(1, b'hi'); os._exit(3)", "print(1)"), ends(_CRASH, _OK), 1),
    Check("an exception named like ours", ("class SessionLost(Exception): pass\nraise SessionLost('x')", "print(1)"), both(
        ends(_ERROR, _OK), survived)),
    Check("syntax errors of its own making", (
        "raise SyntaxError", "raise SyntaxError('x', ('<cell 1>', 'evil', 1, ''))", "e = SyntaxError('x'); e.msg = 5; raise e", "print(1)"),
        both(ends(_ERROR, _ERROR, _ERROR, _OK), survived)),
    Check("exceptions with names of their own", (
        "class M(type):\n    __name__ = property(lambda c: 1 / 0)\nclass E(Exception, metaclass=M): pass\nraise E('x')", "print(1)"),
        both(ends(_ERROR, _OK), survived)),
    Check("an exit code that is no number", (
        "class C:\n    def __eq__(self, other): raise KeyboardInterrupt\n    __hash__ = None\nraise SystemExit(C())", "print(1)"),
        both(ends(_ERROR, _OK), survived)),
    Check("a figure that ends everything when drawn", (
        "import matplotlib.pyplot as plt\nfrom matplotlib.lines import Line2D\nclass L(Line2D):\n    def draw(self, r): raise SystemExit(0)\n"
        "fig, ax = plt.subplots(); ax.add_line(L([0, 1], [0, 1]))\n1 / 0", "print(1)"), both(ends(_ERROR, _OK), survived)),
    Check("streams detached and reconfigured", (
        "import sys\nsys.stdout.reconfigure(encoding='utf-16')\nprint('x')", "import sys\nsys.stdout.detach(); sys.stderr.detach()", "print(1)"),
        both(prints("1"), _survived_all)),
    Check("the line cache taken away", ("import linecache\nlinecache.cache = None", "1 / 0", "print(1)"), both(prints("1"), _survived_all)),
    Check("builtins taken away", ("__builtins__ = None", "print(1)"), both(prints("1"), _survived_all)),
    Check("a channel that does not block", ("import os\nos.set_blocking(3, False)", "import time; time.sleep(0.1)", "print(1)"), prints("1"), 1),
    Check("a channel that does not block, by another number", (
        "import os\nfd = os.dup(3); os.set_blocking(fd, False)", "print(1)", "print(2)"), prints("2"), 1),
    Check("sockets without end", ("import socket\nl = []\nwhile True: l.append(socket.socketpair())", "del l", "print(1)"),
        both(contained, survived), 1),
    Check("a socket full of bytes", (
        "import socket\na, b = socket.socketpair(); a.setblocking(False)\nwhile True: a.send(b'x' * 65536)", "print(1)"),
        both(contained, survived), 1),
    Check("a channel that is a socket of its own", ("import os, socket\na, b = socket.socketpair(); os.dup2(a.fileno(), 3)", "print(1)"), contained),
    Check("a picture larger than the guards allow", _frame("'images': [[40000, 1, 40000000]]"), ends(_PROTOCOL, _OK)),
    Check("pictures one over the other", _frame("'images': [[40000, 900, 900]] * 4"), ends(_PROTOCOL, _OK)),
    Check("notes that grow on the way", (
        _TOKEN + "os.write(3, json.dumps({'token': token, **good, 'notes': ['\u00e9' * 400] * 150}, ensure_ascii=False).encode())\ntime.sleep(1)",
        "print(1)"), ends(_PROTOCOL, _OK)),
    Check("the worker's loop taken apart", (
        _MODULES + "for o in gc.get_objects():\n    if type(o).__name__ == 'Worker': o.__dict__.clear()", "print(1)"), contained),
    Check("memory full when the cell ends", (
        "l = []\ntry:\n    while True: l.append(bytearray(2**20))\nexcept MemoryError: pass\ntry:\n    while True: l.append(bytearray(512))\n"
        "except MemoryError: pass", "del l", "print(1)"), lambda results: _one_result_each(list(results))),
    Check("standard streams closed", ("import sys, os\nsys.stdout.close(); sys.stderr.close(); os.close(1); os.close(2)", "print(1)"),
        lambda results: None if results[-1].ok else describe(results[-1])),
    Check("an exception that is no good citizen", (
        "class E(BaseException):\n    def __str__(self): raise SystemExit(3)\n    __repr__ = __str__\nraise E()", "print(1)"),
        both(ends(_ERROR, _OK), survived)),
    Check("a value that is no good citizen", (
        "class V:\n    def __repr__(self): raise KeyboardInterrupt\nV()", "print(1)"), both(ends(_ERROR, _OK), survived)),
    Check("a patched exit", ("import os\nos._exit = lambda *a: None\nimport sys; sys.exit = None", "print(1)"), prints("1")),
    Check("a tracer left behind", ("import sys\nsys.settrace(lambda *a: 1 / 0)\nsys.setprofile(lambda *a: 1 / 0)", "1", "print(1)"),
        lambda results: None if results[-1].status in (_OK, _ERROR, _CRASH) else describe(results[-1])),
    Check("half characters printed", ("print(chr(0xd800)); x = {chr(0xdfff): 1}\nx", "print(1)"), ends(_OK, _OK)),
    Check("a bomb unpacked inside", (
        "import io, zlib, struct\nfrom PIL import Image\nImage.MAX_IMAGE_PIXELS = None\n"
        "def chunk(k, d): return struct.pack('>I', len(d)) + k + d + struct.pack('>I', zlib.crc32(k + d))\n"
        "packer = zlib.compressobj(1)\n"
        "part, again = (packer.compress(b'\\0' * 96001 * 20) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))\n"
        "row = part + again * 99\n"
        "png = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 32000, 32000, 8, 2, 0, 0, 0)) + chunk(b'IDAT', row)\n"
        "Image.open(io.BytesIO(png)).load()", "print(1)"), both(contained, survived), 1),
)

PLACES = (
    Check("files of others keep their modes and times", (
        "import os, shutil\nfor path in ('/usr/bin/env', '/tmp', os.path.dirname(os.getcwd())):\n    try: os.chmod(path, 0); os.utime(path, (0, 0))\n"
        "    except OSError: pass\nprint(os.stat('/usr/bin/env').st_mode & 0o444 != 0, os.stat('/usr/bin/env').st_mtime > 1, len(os.listdir('.')))",),
        lambda results: None if results[-1].stdout.startswith("True True") else describe(results[-1]), 2),
    Check("no lock is seen by others", ("import fcntl, os\nfcntl.flock(open('/usr/bin/env'), fcntl.LOCK_EX)", "print(1)"), ends(_QUIET, _OK), 1),
    Check("the user's pipe quota is left to others", (
        "import fcntl, os\nr, w = os.pipe()\ntry: print(fcntl.fcntl(w, 1031, 1 << 20))\nexcept OSError as e: print(e.errno)",), prints("1"), 1),
    Check("stdin is nobody else's", ("import fcntl\ntry: fcntl.fcntl(0, fcntl.F_SETFL, 0o4000)\nexcept OSError: print(1)",), prints("1"), 1),
    Check("the host's name is not told", ("import os\nprint(os.uname().nodename)",), prints("sandbox"), 3),
    Check("nothing is left in a new session", ("import os\nprint(sorted(os.listdir('.')), os.getcwd() != '/')",), prints("['input_image.jpg'] True")),
    Check("nothing outside is told to exist", (attempt(
        *(f"{call}" for path in ("/etc/passwd", "/proc/self/exe", "/root/.bashrc", "/home", "/var/tmp") for call in (
            f"os.stat({path!r})", f"os.lstat({path!r})", f"os.statvfs({path!r})", f"os.chdir({path!r})", f"os.readlink({path!r})",
            f"os.open({path!r}, os.O_PATH)", f"os.getxattr({path!r}, 'user.x')", f"assert os.access({path!r}, 0), 1 / 0",
            f"os.stat({path + '/../../usr/lib'!r})", f"os.rename({path!r}, 'x')", f"os.link({path!r}, 'x')")),
        "os.symlink('/etc/passwd', 'l'); os.stat('l')", "os.symlink('/home/../usr/lib', 'm'); os.stat('m')",
        ).replace("LookupError)", "LookupError, ZeroDivisionError, AssertionError)"),), blocked, 1),
    Check("what exists outside is refused as what does not exist", (
        "import os\ndef error(call, *a):\n    try: call(*a)\n    except OSError as e: return e.errno\n"
        "same = []\nfor path in ('/etc/passwd', '/var/tmp', '/home', '/etc/shadow', '/proc/1/mem'):\n"
        "    for call in (open, os.listdir, os.mkdir, os.unlink, os.rmdir, lambda p: os.rename(p, 'x'), lambda p: os.link('input_image.jpg', p),\n"
        "                 lambda p: open(p, 'x'), lambda p: os.truncate(p, 0), lambda p: os.symlink('x', p)):\n"
        "        same.append(error(call, path) == error(call, path + 'xyz') != None)\nprint(all(same))",), prints("True"), 1),
    Check("a path that changes while it is asked about tells nothing", (
        _MODULES + "import stat\nlibc = ctypes.CDLL(None)\nfor p in (b'/usr/lib', b'/etc/passwd'): assert len(p) < 16\n"
        "path = ctypes.create_string_buffer(16)\ngo_on = True\n"
        "def flip():\n    while go_on: ctypes.memmove(path, b'/usr/lib', 9); ctypes.memmove(path, b'/etc/passwd', 12)\n"
        "threading.Thread(target=flip).start()\nleaks = 0\nend = time.monotonic() + 0.4\nwhile time.monotonic() < end:\n"
        "    for flags in (0o10000000, 0):\n        fd = libc.open(path, flags)\n        if fd >= 0:\n"
        "            leaks += not stat.S_ISDIR(os.fstat(fd).st_mode); os.close(fd)\n"
        "go_on = False\nprint(leaks)",), prints("0"), 1),
    Check("nothing of the user's can be made, changed or removed", (attempt(*(
        call.replace("HERE", repr(place)) for place in ("/var/tmp", "/dev/shm", "/etc", "/run") for call in (
            "open(HERE + '/x', 'w')", "open(HERE + '/x', 'x')", "os.open(HERE + '/x', os.O_CREAT)", "os.open(HERE, os.O_TMPFILE | os.O_RDWR)",
            "os.mkdir(HERE + '/x')", "os.mknod(HERE + '/x')", "os.mkfifo(HERE + '/x')", "os.symlink('x', HERE + '/x')",
            "os.link('input_image.jpg', HERE + '/x')", "os.rename('input_image.jpg', HERE + '/x')", "os.replace('input_image.jpg', HERE + '/x')",
            "os.open('x', os.O_CREAT, dir_fd=os.open(HERE, os.O_PATH))", "os.mkdir('x', dir_fd=os.open(HERE, os.O_DIRECTORY))",
            "os.open('../../../../../..' + HERE + '/x', os.O_CREAT)")),
        "os.open('/etc/hostname', os.O_RDONLY | os.O_TRUNC)", "os.truncate('/etc/hostname', 0)", "open('/proc/self/fd/1', 'w')",
        "open('/dev/fd/1', 'w')", "fd = os.open(os.__file__, 0); open(f'/proc/self/fd/{fd}', 'r+')", "open(os.__file__, 'r+')",
        "os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)", "os.unlink(os.__file__)", "os.setxattr('input_image.jpg', 'user.x', b'x')",
        "assert ctypes.CDLL(None).syscall(437, -100, b'/var/tmp/x', (ctypes.c_uint64 * 3)(0o102, 0o600, 0), 24) >= 0, 1 / 0",
        "assert ctypes.CDLL(None).creat(b'/var/tmp/x', 0o600) >= 0, 1 / 0",
        ).replace("LookupError)", "LookupError, ZeroDivisionError)"),), blocked, 1),
    Check("files in its own directory can be made, changed and removed", (
        "import os, shutil, tempfile\nos.makedirs('a/b'); open('a/b/c', 'w').write('1'); os.rename('a/b/c', 'a/d'); os.link('a/d', 'e')\n"
        "os.truncate('e', 0); os.symlink('e', 'f'); os.unlink('e'); shutil.rmtree('a'); tempfile.TemporaryFile().write(b'x')\n"
        "fd = os.open('.', os.O_RDONLY); os.mkdir('g', dir_fd=fd); os.rmdir('g', dir_fd=fd); os.close(fd)\n"
        "print(os.listdir('.') == ['f'] or sorted(os.listdir('.')))",), lambda results: (
        None if results[-1].stdout in ("True\n", "['f', 'input_image.jpg']\n") else describe(results[-1])), 1),
    Check("threads are counted to the last one", (
        "import threading, time\nthreading.stack_size(1 << 16)\nn = 0\ntry:\n    while n < 200:\n        threading.Thread(target=time.sleep, args=(9,), daemon=True).start(); n += 1\n"
        "except RuntimeError: pass\nprint(10 <= n < 16, n)",), lambda results: None if results[-1].stdout.startswith("True") else describe(results[-1]), 1),
    Check("threads that start threads all at once are counted too", (
        "import threading, time\nthreading.stack_size(1 << 16)\ngate = threading.Event()\nmade = []\ndef more():\n    gate.wait()\n    for _ in range(9):\n        try:\n"
        "            t = threading.Thread(target=time.sleep, args=(9,), daemon=True); t.start(); made.append(t)\n        except RuntimeError: pass\n"
        "for _ in range(8): threading.Thread(target=more, daemon=True).start()\ngate.set()\ntime.sleep(0.6)\nprint(threading.active_count() <= 16, threading.active_count())",),
        lambda results: None if results[-1].stdout.startswith("True") else describe(results[-1]), 1),
    Check("the way up is closed", (attempt(
        "open('../../../../etc/passwd')", "os.chdir('..'); open('x', 'w'); os.chdir('../..'); open('x', 'w')"),),
        blocked, 2),
    Check("device files cannot be made", (attempt("os.mknod('d', 0o600 | 0o020000, 1)", "os.mkfifo('/fifo')"),), blocked, 1),
    Check("files of the libraries cannot be changed", (attempt(
        "import numpy; open(numpy.__file__, 'a')", "os.rename(os.__file__, 'x')",
        "os.truncate(os.__file__, 0)"),), blocked, 2),
    Check("another process's memory is out of reach", (attempt(
        "open('/proc/1/mem', 'rb')", "open(f'/proc/{os.getppid()}/maps')", "open('/proc/self/mem', 'wb')",
        "os.open(f'/proc/{os.getppid()}/mem', os.O_RDWR)", "os.readlink(f'/proc/{os.getppid()}/fd/0')",
        "[os.stat(f'/proc/{pid}/cwd') for pid in range(os.getpid() - 30, os.getpid() + 30) if pid != os.getpid()]"),), blocked, 1),
    Check("no other process is told to exist", (
        "import os\nothers = {os.getppid(), *range(1, 300)} - {0, os.getpid()}\n"
        "def seen(call, *a):\n    try: call(*a)\n    except OSError: return False\n    return True\n"
        "print([p for p in others if any(seen(*c) for c in ((os.getpgid, p), (os.getsid, p), (os.kill, p, 0),\n"
        "    (os.sched_getaffinity, p), (os.sched_getscheduler, p), (os.getpriority, 0, p)))])",), prints("[]"), 1),
    Check("no core is dumped", ("import resource\nprint(resource.getrlimit(resource.RLIMIT_CORE)[1] <= 1)",), prints("True"), 1),
    Check("a truncated giant stays small", ("f = open('f', 'wb')\nf.truncate(2**40)", "1"), contained, 1),
    Check("a fallocated giant stays small", ("import os\nf = open('f', 'wb')\nos.posix_fallocate(f.fileno(), 0, 2**34)", "1"), contained, 1),
    Check("deleted files that stay open do not fill the disk", (
        "import os, time\nl = []\nfor i in range(9):\n    f = open('f', 'wb'); f.write(b'x' * (12 << 20)); f.flush(); os.unlink('f'); l.append(f)\n"
        "time.sleep(0.5)", "1"), contained, 1),
    Check("deleted files that stay mapped do not fill the disk", (
        "import mmap, os, time\nl = []\nfor i in range(9):\n    f = open('f', 'w+b'); f.truncate(12 << 20); m = mmap.mmap(f.fileno(), 12 << 20)\n"
        "    f.close(); os.unlink('f'); m.write(b'x' * (12 << 20)); l.append(m)\ntime.sleep(0.7)", "1"), contained, 1),
    Check("directories without end stay few", ("import os\nwhile True: os.mkdir('d'); os.chdir('d')", "1"), contained, 2),
    Check("directories without permissions are removed all the same", (
        "import os\nos.makedirs('a/b/c'); open('a/b/c/f', 'w'); os.chmod('a/b', 0); os.chmod('a', 0)", "print(1)"), ends(_QUIET, _OK), 1),
)
# fmt: on

ATTACKS = CHANNEL + MACHINERY + PLACES
