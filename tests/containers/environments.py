"""The environments in which people run the sandbox, with the least level each of them has to give.

for environment in ENVIRONMENTS:
    engines.command(environment.engine, environment.flags, command)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from containers.engines import ROOT, Engine

DEPLOY = ROOT / "deploy"
PROFILE = ("--security-opt", f"seccomp={DEPLOY / 'docker-seccomp.json'}")
UNPRIVILEGED = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
USER = ("-u", "1000:1000")


@dataclass(frozen=True, slots=True)
class Environment:
    """One way to run a container.

    Args:
        level: the least that is to be had there.
        hint: what the advice for the next level has to name, where `level` is below 3.
        checked: whether all promises and attacks are run, which takes a minute.
    """

    name: str
    engine: Engine
    flags: tuple[str, ...] = ()
    level: int = 3
    hint: str = ""
    checked: bool = False


def pod(path: Path = DEPLOY / "kubernetes.yaml") -> tuple[str, ...]:
    """What the pod's rules are to Docker: user, capabilities, privileges, read-only root, memory and scratch directories."""
    spec: dict[str, Any] = yaml.safe_load(path.read_text())["spec"]
    (container,) = spec["containers"]
    rules, user = container["securityContext"], spec["securityContext"]
    flags = ["-u", f"{user['runAsUser']}:{user['runAsGroup']}"]
    flags += [word for name in rules["capabilities"]["drop"] for word in ("--cap-drop", name)]
    if not rules["allowPrivilegeEscalation"]:
        flags += ["--security-opt", "no-new-privileges"]
    if rules["readOnlyRootFilesystem"]:
        flags.append("--read-only")
    limits = container["resources"]["limits"]
    flags += ["--cpus", limits["cpu"], "--memory", limits["memory"].removesuffix("i").lower()]
    for mount in container["volumeMounts"]:
        flags += ["--tmpfs", f"{mount['mountPath']}:mode=1777"]
    return tuple(flags)


# Where root itself made a user namespace with one user, the kernel counts root's threads, which have no cap: not level 3.
ENVIRONMENTS = (
    Environment("docker as it comes, root", Engine.DOCKER, (), 2, "docker-seccomp.json", checked=True),
    Environment("docker as it comes, uid 1000", Engine.DOCKER, USER, 2, "docker-seccomp.json"),
    Environment("kubernetes, restricted", Engine.DOCKER, pod(), 2, "seccomp", checked=True),
    Environment("docker with our profile, root", Engine.DOCKER, PROFILE, checked=True),
    Environment("docker with our profile, uid 1000", Engine.DOCKER, (*PROFILE, *USER)),
    Environment("kubernetes, restricted, with our profile", Engine.DOCKER, (*PROFILE, *pod()), checked=True),
    Environment("docker with our profile, root without capabilities", Engine.DOCKER, (*PROFILE, *UNPRIVILEGED), 2),
    Environment("docker with SYS_ADMIN", Engine.DOCKER, ("--cap-add", "SYS_ADMIN")),
    Environment("docker without seccomp", Engine.DOCKER, ("--security-opt", "seccomp=unconfined")),
    Environment("docker, 256 MB and 300 processes", Engine.DOCKER, ("--memory", "256m", "--pids-limit", "300"), 2),
    Environment("podman as it comes, root", Engine.PODMAN, (), checked=True),
    Environment("podman as it comes, uid 1000", Engine.PODMAN, USER),
    Environment("podman without capabilities", Engine.PODMAN, (*USER, *UNPRIVILEGED)),
    Environment("bubblewrap, root", Engine.BUBBLEWRAP, (), 2),
    Environment("bubblewrap, uid 1000", Engine.BUBBLEWRAP, ("--uid", "1000", "--gid", "1000"), 2),
    Environment("bubblewrap without further namespaces", Engine.BUBBLEWRAP, ("--unshare-user", "--disable-userns"), 2),
    Environment("charliecloud, root", Engine.CHARLIECLOUD, (), 2),
    Environment("systemd-nspawn", Engine.NSPAWN),
    Environment("a user namespace with root alone", Engine.UNSHARE, ("--user", "--map-root-user"), 2),
    Environment("chroot, root", Engine.CHROOT, (), 2),
    Environment("chroot, uid 1000", Engine.CHROOT, ("--userspec=1000:1000",), 2),
    Environment("few descriptors and processes", Engine.LIMITS, ("--nofile=64:64", "--nproc=40:40")),
    Environment("2 GB of address space", Engine.LIMITS, ("--as=2000000000",), 2),
)
REFUSED = (
    Environment("gvisor", Engine.GVISOR, (), 0, "gVisor"),
    Environment("proot", Engine.PROOT, (), 0, "proot"),
    Environment("1 GB of address space", Engine.LIMITS, ("--as=1000000000",), 0, "ulimit -v"),
    Environment("20 descriptors", Engine.LIMITS, ("--nofile=20:20",), 0, "ulimit -n"),
    Environment("small files", Engine.LIMITS, ("--fsize=100000",), 0, "ulimit -f"),
    Environment("no temporary directory", Engine.DOCKER, ("--read-only", *USER), 0, "TMPDIR"),
)
"""Where nothing can run, or only in part: one line that names the limit and what to do, or a level that holds."""
