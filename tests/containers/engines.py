"""Container engines from Debian's packages, and how each runs a command with the project's Python in one root directory.

    engines = Engines(Path(".containers"))
    engines.command(Engine.BUBBLEWRAP, ("--unshare-pid",), ["python", "inside.py"])

The root is a plain Debian without Python (`install_root.sh` makes it); the interpreter, its environment and the checkout are
mounted into it read-only, so that what runs is the code under test and no registry is needed.
Not covered: crun, current gVisor, control groups of version 2, Apptainer, AppArmor, a kubelet (its rules are given to Docker).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).parents[2]
_IMAGE = "codedance-test"
_START_S = 30.0
_PACKAGES = "docker.io podman runc bubblewrap charliecloud systemd-container runsc proot debootstrap"


class Engine(StrEnum):
    """What runs a container."""

    DOCKER = "docker"
    PODMAN = "podman"
    BUBBLEWRAP = "bwrap"
    CHARLIECLOUD = "ch-run"
    NSPAWN = "systemd-nspawn"
    GVISOR = "runsc"
    """Docker with gVisor's kernel in place of the machine's."""
    PROOT = "proot"
    CHROOT = "chroot"
    UNSHARE = "unshare"
    """No container: a user namespace with one user on the host itself."""
    LIMITS = "prlimit"
    """No container: the host with lower limits, as batch systems set them."""


@dataclass(frozen=True)
class Engines:
    """A root directory, a running Docker daemon, and a place for what the engines write."""

    root: Path
    docker: str | None
    """The daemon's address; None where it did not start."""
    scratch: Path

    def command(self, engine: Engine, flags: Sequence[str], command: Sequence[str]) -> list[str]:
        """`command` in a fresh container."""
        mounts = [str(path) for path in mounted()]
        match engine:
            case Engine.DOCKER:
                volumes = [word for path in mounts for word in ("-v", f"{path}:{path}:ro")]
                daemon = ["docker", "-H", str(self.docker), "run", "--rm", "--network", "none"]
                return [*daemon, *volumes, *flags, _IMAGE, *command]
            case Engine.GVISOR:
                return self.command(Engine.DOCKER, ("--runtime", "runsc", *flags), command)
            case Engine.PODMAN:
                volumes = [word for path in mounts for word in ("-v", f"{path}:{path}:ro")]
                store = ["--root", f"{self.scratch}/podman", "--runroot", f"{self.scratch}/podman-run"]
                how = ["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "none"]
                few = [
                    "--ulimit",
                    "nofile=1024:4096",
                    "--ulimit",
                    "nproc=4096:4096",
                ]  # its defaults lie above small machines' own
                where = ["--tmpfs", "/tmp", "--rootfs", str(self.root)]
                return ["podman", *store, *how, "run", "--rm", "--network", "none", *few, *volumes, *flags, *where, *command]
            case Engine.BUBBLEWRAP:
                binds = [word for path in mounts for word in ("--ro-bind", path, path)]
                base = ["bwrap", "--ro-bind", str(self.root), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
                return [*base, *binds, "--unshare-all", *flags, *command]
            case Engine.CHARLIECLOUD:
                binds = [word for path in mounts for word in ("-b", path)]
                return ["ch-run", *binds, *flags, str(self.root), "--", *command]
            case Engine.NSPAWN:
                binds = [f"--bind-ro={path}" for path in mounts]
                return [
                    "systemd-nspawn",
                    "--quiet",
                    "--register=no",
                    "--keep-unit",
                    "-D",
                    str(self.root),
                    *binds,
                    *flags,
                    *command,
                ]
            case Engine.PROOT:
                binds = [word for path in (*mounts, "/proc", "/dev") for word in ("-b", path)]
                return ["proot", "-r", str(self.root), *binds, *flags, *command]
            case Engine.CHROOT:
                steps = [f"mount --bind {path} {self.root}{path}" for path in mounts]
                steps += [f"mount -t {kind} {kind} {self.root}/{where}" for kind, where in (("proc", "proc"), ("tmpfs", "tmp"))]
                script = " && ".join([*steps, f'exec chroot {" ".join(flags)} {self.root} "$@"'])
                return ["unshare", "--mount", "sh", "-c", script, "sh", *command]
            case Engine.UNSHARE | Engine.LIMITS:
                return [engine.value, *flags, *command]


def mounted() -> list[Path]:
    """The interpreter, its environment and the checkout, none of them inside another."""
    places = {Path(sys.base_prefix).resolve(), Path(sys.prefix), ROOT}
    return sorted(place for place in places if not any(other != place and other in place.parents for other in places))


def missing(engine: Engine) -> str | None:
    """Why `engine` cannot be run here."""
    program = {Engine.DOCKER: "dockerd"}.get(engine, engine.value)
    if os.geteuid() != 0:
        return "only root may start containers of every kind"
    if shutil.which(program) is None or (engine is Engine.GVISOR and shutil.which("dockerd") is None):
        return f"there is no {program}; on Debian: apt-get install {_PACKAGES}"
    return None


@contextmanager
def opened(root: Path) -> Iterator[Engines]:
    """The engines with a Docker daemon of their own, which ends with the block."""
    with tempfile.TemporaryDirectory(prefix="codedance-containers-") as folder:
        scratch = Path(folder)
        for place in mounted():
            _make_reachable(root, place)
        if missing(Engine.DOCKER) is not None:
            yield Engines(root, None, scratch)
            return
        with _daemon(scratch) as address:
            if address is not None:
                _import_image(root, address)
            yield Engines(root, address, scratch)


def _make_reachable(root: Path, place: Path) -> None:
    """An empty directory to mount `place` on, which every user may reach."""
    inside = root / place.relative_to("/")
    inside.mkdir(parents=True, exist_ok=True)
    for directory in inside.parents:
        if directory == root:
            break
        directory.chmod(0o755)


@contextmanager
def _daemon(scratch: Path) -> Iterator[str | None]:
    address = f"unix://{scratch}/docker.sock"
    places = ["--data-root", f"{scratch}/docker", "--exec-root", f"{scratch}/docker-run", "--pidfile", f"{scratch}/docker.pid"]
    network = ["--bridge=none", "--iptables=false", "--ip6tables=false"]
    gvisor = scratch / "runsc"
    gvisor.write_text('#!/bin/sh\nexec runsc --platform=ptrace --network=none --ignore-cgroups "$@"\n')
    gvisor.chmod(0o755)
    runtimes = ["--add-runtime", f"runsc={gvisor}"]
    with (scratch / "dockerd.log").open("wb") as log:
        daemon = subprocess.Popen(["dockerd", "-H", address, *places, *network, *runtimes], stdout=log, stderr=log)
    try:
        yield address if _is_up(daemon, address) else None
    finally:
        daemon.terminate()
        daemon.wait(_START_S)


def _is_up(daemon: subprocess.Popen[bytes], address: str) -> bool:
    deadline = time.monotonic() + _START_S
    while daemon.poll() is None and time.monotonic() < deadline:
        if subprocess.run(["docker", "-H", address, "version"], capture_output=True).returncode == 0:
            return True
        time.sleep(0.2)
    return False


def _import_image(root: Path, address: str) -> None:
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as packed:
        subprocess.run(["docker", "-H", address, "import", "-", _IMAGE], stdin=packed.stdout, check=True, capture_output=True)
