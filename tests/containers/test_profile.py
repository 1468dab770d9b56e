"""The seccomp profile that comes along allows what level 3 needs, and nothing that reaches beyond a container."""

from __future__ import annotations

import json
from pathlib import Path

PROFILE = Path(__file__).parents[2] / "deploy" / "docker-seccomp.json"


def test_the_profile_forbids_what_a_container_must_not_do() -> None:
    profile = json.loads(PROFILE.read_text())
    allowed = {
        name
        for rule in profile["syscalls"]
        if rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule
        for name in rule["names"]
    }
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    for name in (
        "bpf",
        "kexec_load",
        "init_module",
        "keyctl",
        "open_by_handle_at",
        "perf_event_open",
        "io_uring_setup",
        "reboot",
    ):
        assert name not in allowed
    for name in ("unshare", "mount", "umount2", "pivot_root", "setns", "mount_setattr", "sethostname", "landlock_create_ruleset"):
        assert name in allowed
