"""Where a process runs, and the next command for what is missing there: one rule for each place of the table in the docs."""

from __future__ import annotations

import dataclasses
import os
import pickle
import resource
from pathlib import Path

import pytest

from codedance import Limits, SandboxError
from codedance.errors import IsolationError
from codedance.sandbox import advice, environment
from codedance.sandbox.environment import Facts, Place
from codedance.sandbox.guest.measure import Measured
from codedance.sandbox.isolation import Mechanism, Report

ROOT_ON_OVERLAY = "30 1 0:26 / / rw,relatime - overlay overlay rw\n"
FACTS = Facts(
    place=Place.PLAIN,
    is_root=False,
    capabilities=0,
    is_filtered=False,
    has_proc=True,
    max_user_namespaces=1000,
    userns_clone=None,
    apparmor_restricts=False,
    security_modules="lockdown,capability,landlock,apparmor",
    kernel="6.1.0",
    low_limits=(),
)
REFUSED = "by a user namespace: unshare(user, mount, pid): Operation not permitted"
UID_MAP = "by a user namespace: writing /proc/self/uid_map: Operation not permitted"
HELD = Measured("", "", "", "", 0, 64, 256, 1152, 64, 4096)
MECHANISMS = dict.fromkeys(Mechanism)


def surroundings(root: Path, status: str = "", mounts: str = ROOT_ON_OVERLAY, **files: str) -> Path:
    """A root directory with a /proc of our own."""
    for name, text in {"proc/self/status": f"PPid:\t5\n{status}", "proc/self/mountinfo": mounts, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("place", "status", "mounts", "files", "variables"),
    [
        (Place.DOCKER, "Seccomp:\t2", ROOT_ON_OVERLAY, {".dockerenv": ""}, {}),
        (Place.PLAIN, "Seccomp:\t0", ROOT_ON_OVERLAY.replace("overlay", "ext4"), {".dockerenv": ""}, {}),
        (Place.PODMAN, "Seccomp:\t2", ROOT_ON_OVERLAY, {"run/.containerenv": ""}, {}),
        (Place.PODMAN, "", ROOT_ON_OVERLAY, {}, {"container": "podman"}),
        (Place.KUBERNETES, "", ROOT_ON_OVERLAY, {".dockerenv": ""}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}),
        (Place.LXC, "", ROOT_ON_OVERLAY, {}, {"container": "lxc"}),
        (Place.APPTAINER, "", ROOT_ON_OVERLAY, {}, {"APPTAINER_CONTAINER": "/x.sif"}),
        (Place.CHARLIECLOUD, "", ROOT_ON_OVERLAY, {}, {"CH_RUNNING": "Weird Al Yankovic"}),
        (Place.BUBBLEWRAP, "", ROOT_ON_OVERLAY, {"proc/5/status": "Name:\tbwrap\nPPid:\t0"}, {}),
        (Place.PROOT, "TracerPid:\t9", ROOT_ON_OVERLAY, {"proc/9/comm": "proot\n"}, {}),
        (Place.CHROOT, "", "31 30 0:26 / /proc rw - proc proc rw\n", {}, {}),
    ],
)
def test_places_are_told_apart(tmp_path: Path, place: Place, status: str, mounts: str, files: dict, variables: dict) -> None:
    root = surroundings(tmp_path, status, mounts, **files)
    assert environment.look(root, variables).place is place


@pytest.mark.parametrize(
    ("facts", "reason", "command"),
    [
        ({"place": Place.DOCKER, "is_filtered": True}, REFUSED, "docker run --security-opt seccomp=deploy/docker-seccomp.json"),
        ({"place": Place.DOCKER, "is_filtered": True, "is_root": True}, UID_MAP, "docker run --user 1000"),
        ({"place": Place.PODMAN, "is_filtered": True}, REFUSED, "podman run --security-opt"),
        ({"place": Place.KUBERNETES, "is_filtered": True}, REFUSED, "deploy/kubernetes.yaml"),
        ({"place": Place.CHROOT, "is_root": True}, "mount (make private) on /: Invalid argument", "mount --bind DIR DIR"),
        ({"place": Place.GVISOR}, REFUSED, "--runtime runc"),
        ({"place": Place.PROOT}, REFUSED, "without proot"),
        ({"place": Place.LXC}, REFUSED, "security.nesting true"),
        ({"place": Place.BUBBLEWRAP, "max_user_namespaces": 0}, "No space left on device", "without --disable-userns"),
        ({}, "by a user namespace: unshare(user): No space left on device", "sysctl -w user.max_user_namespaces"),
        ({"userns_clone": 0}, REFUSED, "sysctl -w kernel.unprivileged_userns_clone=1"),
        ({"apparmor_restricts": True}, UID_MAP, "kernel.apparmor_restrict_unprivileged_userns=0"),
        ({"is_root": True}, UID_MAP, "CAP_SETFCAP"),
        ({"has_proc": False}, REFUSED, "mount -t proc proc /proc"),
        ({"is_filtered": True}, REFUSED, "deploy/docker-seccomp.json"),
        ({}, "switched off by the caller", "`without`"),
    ],
)
def test_each_place_has_its_own_next_command_for_namespaces(facts: dict, reason: str, command: str) -> None:
    assert command in advice.advise(Mechanism.NAMESPACES, reason, dataclasses.replace(FACTS, **facts))


@pytest.mark.parametrize(
    ("mechanism", "facts", "command"),
    [
        (Mechanism.LANDLOCK, {"security_modules": "lockdown,apparmor"}, "lsm=landlock,lockdown,apparmor"),
        (Mechanism.LANDLOCK, {"is_filtered": True}, "Docker 23"),
        (Mechanism.LANDLOCK, {"place": Place.GVISOR}, "no Landlock"),
        (Mechanism.CGROUP, {"place": Place.DOCKER, "is_root": True}, "docker run --memory"),
        (Mechanism.CGROUP, {"is_root": True}, "mount -t cgroup2"),
        (Mechanism.CGROUP, {}, "systemd-run --user"),
        (Mechanism.RLIMITS, {"low_limits": ("ulimit -v 1000",)}, "ulimit -v 1000"),
    ],
)
def test_other_mechanisms_have_theirs(mechanism: Mechanism, facts: dict, command: str) -> None:
    assert command in advice.advise(mechanism, "Operation not permitted", dataclasses.replace(FACTS, **facts))


def test_a_cap_that_does_not_hold_lowers_the_level_and_has_a_next_command() -> None:
    report = Report(MECHANISMS, dataclasses.replace(HELD, threads=65), Limits(), landlock_abi=7)
    told = advice.explain(report, 3, dataclasses.replace(FACTS, place=Place.DOCKER, is_root=True))
    assert report.level == 2
    assert "threads: more than 64" in told and "docker run --user 1000" in told


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({}, 4),
        ({"read": "/etc/passwd"}, 1),
        ({"written": "/var/tmp", "read": "/etc/passwd"}, 0),
        ({"connected": "AF_UNIX"}, 0),
        ({"started": "fork"}, 0),
        ({"seen": 7}, 2),
        ({"threads": 65}, 2),
        ({"memory_mb": -1}, 0),
        ({"descriptors": 257}, 0),
        ({"disk_mb": -1, "files": -1}, 2),
    ],
)
def test_the_level_is_what_was_measured_whatever_the_mechanisms_promise(change: dict, level: int) -> None:
    report = Report(MECHANISMS, dataclasses.replace(HELD, **change), Limits(), landlock_abi=7)
    assert report.level == level
    assert all(wall.enforced for wall in report.walls) == (change == {} or "seen" in change)


def test_less_than_was_asked_for_is_told_with_the_limit_that_is_to_blame() -> None:
    report = Report(MECHANISMS, dataclasses.replace(HELD, threads=40, memory_mb=243), Limits(), landlock_abi=7)
    assert report.level == 4
    assert [line for line in report.missing if "ulimit" in line] == [
        "threads: 40 of 64; a limit of the caller is lower (ulimit -u)",
        "megabytes of memory: 243 of 1024; a limit of the caller is lower (ulimit -v, ulimit -d)",
    ]


def test_a_level_that_is_too_low_is_told_in_the_words_of_the_reader() -> None:
    error = pickle.loads(pickle.dumps(IsolationError(2, 3, "  - landlock: ...")))
    assert "Sandbox(require=2)" in str(error)
    assert "--isolation 2" in error.told("--isolation 2") and "require=" not in error.told("--isolation 2")


@pytest.mark.parametrize(("which", "low", "option"), [("RLIMIT_NOFILE", 20, "-n"), ("RLIMIT_FSIZE", 100 << 10, "-f")])
def test_limits_under_which_nothing_can_work_are_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, which: str, low: int, option: str
) -> None:
    number, real = getattr(resource, which), resource.getrlimit
    monkeypatch.setattr(resource, "getrlimit", lambda asked: (low, low) if asked == number else real(asked))
    with pytest.raises(SandboxError, match=f"`ulimit {option}`"):
        environment.check(Limits())


def test_without_proc_the_way_to_mount_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    exists = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: "/proc" not in str(path) and exists(path))
    with pytest.raises(SandboxError, match="mount -t proc proc /proc"):
        environment.check(Limits())
