"""A run's folder: lines survive a kill, damage is told by line, two runs never mix."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codedance import ConfigError, DataError, Isolation, Limits, StoreError
from codedance.rollout.settings import Settings
from codedance.rollout.store import TRACES, Key, Manifest, TraceStore, read_manifest, read_traces, to_json
from codedance.types import ExecStatus, Execution, Repair, Sampling, SeenImage, StopReason, Trace, Turn, Usage

MANIFEST = Manifest(
    model="m", settings=Settings(), prompt="p", limits=Limits(), isolation=Isolation(4), versions={"numpy": "2"}, started="now"
)


def trace(task_id: str = "a", **changes: object) -> Trace:
    fields = {"question": "q", "model": "m", "sampling": Sampling(), "format": "code_tags", "prompt": "p", "started": "now"}
    return Trace(**({"task_id": task_id, "stop": StopReason.ANSWERED, "seconds": 1.5} | fields | changes))


def rich_trace() -> Trace:
    execution = Execution(
        status=ExecStatus.OK, stdout="\u00e9\n\u2028", stderr="", images=("d",), error=None, seconds=0.1, truncated=False,
        isolation=Isolation(3, ("cgroup",)), state_kept=True, notes=("n",),
    )  # fmt: skip
    turn = Turn(
        text="<code>", code="print(1)", repairs=(Repair.MISSING_FENCE,), execution=execution,
        observation=("a", SeenImage("d", 28, 28, 3), "b"), usage=Usage(1, 2, 3), token_ids=(1, 2), logprobs=(-0.5, -1e9),
    )  # fmt: skip
    return trace(turns=(turn,), gold="7", answer="7", isolation=Isolation(4), versions={"x": "1"})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    with TraceStore(tmp_path, MANIFEST) as store:
        store.append(rich_trace())
        store.append(trace("b"))
    assert list(read_traces(tmp_path)) == [rich_trace(), trace("b")]
    assert read_manifest(tmp_path) == MANIFEST
    assert json.loads((tmp_path / TRACES).read_text().splitlines()[0])["turns"][0]["execution"]["status"] == "ok"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.text(), st.integers(0, 9))
def test_any_text_comes_back_from_a_line(tmp_path: Path, question: str, answer: str, sample: int) -> None:
    from codedance.rollout.codec.escape import storable

    kept = trace(question=storable(question), answer=storable(answer), sample=sample)
    (tmp_path / TRACES).write_text(to_json(kept) + "\n", "utf-8", newline="")
    assert list(read_traces(tmp_path)) == [kept]


@pytest.mark.parametrize(
    "torn", [b"{", b"[" * 100_000, b'{"task_id": "b", "sample"', to_json(trace("b")).encode(), b"\0" * 5000, b"x" * 3_000_000]
)
def test_a_torn_last_line_is_cut_off_and_its_task_is_open_again(tmp_path: Path, torn: bytes) -> None:
    with TraceStore(tmp_path, MANIFEST) as store:
        store.append(trace("a"))
    with open(tmp_path / TRACES, "ab") as file:
        file.write(torn)
    assert [t.task_id for t in read_traces(tmp_path)] == ["a"], "readers pass over it"
    with TraceStore(tmp_path, MANIFEST) as store:
        assert Key("a", 0) in store and Key("b", 0) not in store
        store.append(trace("b"))
    assert [t.task_id for t in read_traces(tmp_path)] == ["a", "b"]


def test_a_file_that_is_one_torn_line_becomes_empty(tmp_path: Path) -> None:
    (tmp_path / TRACES).write_bytes(b'{"task')
    with TraceStore(tmp_path, MANIFEST):
        assert (tmp_path / TRACES).stat().st_size == 0


def test_damage_in_the_middle_is_told_by_line(tmp_path: Path) -> None:
    with TraceStore(tmp_path, MANIFEST) as store:
        store.append(trace("a"))
    with open(tmp_path / TRACES, "ab") as file:
        file.write(b"garbage\n" + to_json(trace("b")).encode() + b"\n")
    with pytest.raises(DataError, match="line 2 is damaged"):
        list(read_traces(tmp_path))
    with pytest.raises(DataError, match="line 2 is damaged"), TraceStore(tmp_path, MANIFEST):
        pass


def test_a_line_of_another_version_is_told_with_the_field(tmp_path: Path) -> None:
    (tmp_path / TRACES).write_text('{"task_id": "a", "sample": 0, "stop": "answered"}\n')
    with pytest.raises(DataError, match="no trace of this version"):
        list(read_traces(tmp_path))


def test_outages_are_open_again_and_the_last_line_counts(tmp_path: Path) -> None:
    with TraceStore(tmp_path, MANIFEST) as store:
        store.append(trace("a", stop=StopReason.MODEL_ERROR, error="down"))
        store.append(trace("b", stop=StopReason.NO_ACTION))
    with TraceStore(tmp_path, MANIFEST) as store:
        assert Key("a", 0) not in store and Key("b", 0) in store
        store.append(trace("a"))
    assert {t.task_id: t.stop for t in read_traces(tmp_path)} == {"a": StopReason.ANSWERED, "b": StopReason.NO_ACTION}


def test_a_run_with_other_settings_is_refused_with_what_differs(tmp_path: Path) -> None:
    with TraceStore(tmp_path, MANIFEST):
        pass
    other = dataclasses.replace(MANIFEST, model="n", settings=Settings(turns=3, sampling=Sampling(temperature=1.0)))
    with pytest.raises(ConfigError) as caught, TraceStore(tmp_path, other):
        pass
    for words in ("model was m, is n", "settings.turns was 10, is 3", "settings.sampling.temperature was 0.0, is 1.0", "--out"):
        assert words in str(caught.value)
    newer = dataclasses.replace(MANIFEST, versions={"numpy": "3"}, started="later", isolation=Isolation(3))
    with TraceStore(tmp_path, newer):
        assert read_manifest(tmp_path) == MANIFEST


def test_a_task_whose_question_has_changed_is_refused(tmp_path: Path) -> None:
    with TraceStore(tmp_path, MANIFEST) as store:
        store.append(trace("a", question="old?"))
    with TraceStore(tmp_path, MANIFEST) as store:
        store.check_question(Key("a", 0), "old?")
        with pytest.raises(DataError, match="task 'a' was asked another question"):
            store.check_question(Key("a", 0), "new?")


def test_a_full_disk_leaves_no_half_line_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    with TraceStore(tmp_path, MANIFEST) as store:
        store.append(trace("a"))

        def full(fd: int, data: memoryview) -> int:
            if len(data) < 100:
                raise OSError(28, "No space left on device")
            return real(fd, data[: len(data) // 2])

        with monkeypatch.context() as patch, pytest.raises(StoreError, match="No space left"):
            patch.setattr("codedance.rollout.store.os.write", full)
            store.append(trace("b"))
        store.append(trace("c"))
    assert [t.task_id for t in read_traces(tmp_path)] == ["a", "c"]


def test_a_folder_where_a_file_belongs_is_told(tmp_path: Path) -> None:
    (tmp_path / TRACES).mkdir()
    with pytest.raises(DataError, match="cannot be written"), TraceStore(tmp_path, MANIFEST):
        pass
    with pytest.raises(DataError, match="it is a folder, no regular file"):
        list(read_traces(tmp_path))


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with TraceStore(tmp_path, MANIFEST), pytest.raises(ConfigError, match="another process"), TraceStore(tmp_path, MANIFEST):
        pass
    with TraceStore(tmp_path, MANIFEST):
        pass


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"), TraceStore(tmp_path / "file" / "run", MANIFEST):
        pass
    with pytest.raises(DataError, match="no run here"):
        list(read_traces(tmp_path / "nothing"))
    with pytest.raises(DataError, match="no run here"):
        read_manifest(tmp_path)


def test_a_manifest_that_is_damaged_is_told(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(DataError, match="no manifest of this version"):
        read_manifest(tmp_path)


def test_reading_takes_no_memory_for_the_traces_that_were_read(tmp_path: Path) -> None:
    import tracemalloc

    with TraceStore(tmp_path, MANIFEST) as store:
        for number in range(200):
            store.append(trace(str(number), question="q" * 100_000))
    tracemalloc.start()
    assert sum(1 for _ in read_traces(tmp_path)) == 200
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000 and os.path.getsize(tmp_path / TRACES) > 20_000_000
