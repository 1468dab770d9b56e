"""`codedance eval`, `score` and `compare`: run, score, summarise; resumed, repeated, probed, judged."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from PIL import Image

from cli.commands import Run, run, write
from codedance.cli import evaluation
from codedance.cli.options import SandboxFlags
from codedance.model import named
from codedance.rollout.store import TRACES
from model.faulty_server import Fault, FaultyServer, mix

Scored = Callable[..., Awaitable[CompletedProcess[str]]]
RELEASED = {
    *("total_samples", "success_samples", "success_rate", "avg_acc", "avg_judge_score", "avg_try_count", "avg_reasoning_turns"),
    *("tool_call_sample_count", "avg_code_exec_success_rate", "model_name", "data_source"),
}
SCRIPT = """
import os
from codedance.model.chat import Role

def reply(messages, sampling):
    words = messages[1].text
    with open(os.environ["ASKED"], "a") as asked:
        asked.write(words.split("question ")[1].split("?")[0] + "\\n")
    if sum(message.role is Role.ASSISTANT for message in messages):
        seen = messages[-1].text
        return "<answer>" + (seen.split("\\n")[1] if "<interpreter>" in seen else "none") + "</answer>"
    number = int(words.split("question ")[1].split("?")[0])
    shows = "; display(input_image)" if number % 2 else ""
    return f"<code>\\n```python\\nprint({number} * 2{shows.replace('; display(input_image)', '')}){shows}\\n```\\n</code>"
"""
ISOLATION = ("--isolation", 0)


@pytest.fixture
def folder(tmp_path: Path, picture: Image.Image, monkeypatch: pytest.MonkeyPatch) -> Path:
    picture.save(tmp_path / "p.png")
    rows = [{"id": f"t{n}", "question": f"question {n}?", "image": "p.png", "answer": str(n * 2)} for n in range(6)]
    rows[5]["answer"] = "eleven"
    write(tmp_path / "doubles.jsonl", rows)
    (tmp_path / "script.py").write_text(SCRIPT)
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    monkeypatch.delenv("LLM_AS_A_JUDGE_BASE", raising=False)
    monkeypatch.setattr("codedance.cli.user_cache.judgements", lambda: tmp_path / "cache/codedance/judgements")
    return tmp_path


def flags(folder: Path, out: str = "out") -> tuple[object, ...]:
    return ("--out", folder / out, "--model", f"script:{folder / 'script.py'}", *ISOLATION)


def stats(folder: Path, name: str = "doubles") -> dict[str, Any]:
    (file,) = [path for path in folder.glob("stats_*.json") if path.name.count(".") == 2 or ".paper" not in path.name]
    return json.loads(file.read_text())[name]


def test_an_evaluation_leaves_every_file_and_all_samples(folder: Path, run_here: Run) -> None:
    done = run_here("eval", folder / "doubles.jsonl", *flags(folder))
    assert done.returncode == 0, done.stderr
    assert "| doubles | 6 | 0.833" in done.stdout
    out = folder / "out"
    assert {"traces.jsonl", "scores.jsonl", "run.json", "eval.json", "report.html", "images", "prompts"} <= {
        path.name for path in out.iterdir()
    }
    (results,) = out.glob("result_*_doubles.jsonl")
    rows = {row["index"]: row for row in map(json.loads, results.read_text().splitlines())}
    assert sorted(rows) == [f"t{n}" for n in range(6)]
    one = rows["t3"]
    assert (one["pred_ans"], one["ground_truth"], one["acc"], one["status"]) == ("6", "6", 1.0, "success")
    assert one["tool_runs"][0]["code"].startswith("print(3 * 2)") and (out / one["tool_runs"][0]["images"][0]).is_file()
    assert [entry["role"] for entry in one["output"]] == ["assistant", "user", "assistant"]
    assert (out / one["multi_modal_data"][0]).is_file()
    section = stats(out)
    assert section.keys() >= RELEASED
    assert (section["total_samples"], section["avg_acc"], section["success_rate"]) == (6, pytest.approx(5 / 6), 1.0)
    assert section["avg_code_exec_success_rate"] == 1.0 and section["accuracy"]["low"] < 5 / 6 < section["accuracy"]["high"]


def test_the_same_command_again_asks_nobody(folder: Path, run_here: Run) -> None:
    run_here("eval", folder / "doubles.jsonl", *flags(folder))
    asked, scores = (folder / "asked").read_text(), (folder / "out/scores.jsonl").read_bytes()
    again = run_here("eval", folder / "doubles.jsonl", *flags(folder))
    assert again.returncode == 0 and "6 from before" in again.stderr
    assert (folder / "asked").read_text() == asked and (folder / "out/scores.jsonl").read_bytes() == scores


def test_killed_in_the_middle_it_ends_with_the_same_files_and_asks_nothing_twice(folder: Path) -> None:
    number = 100
    write(
        folder / "many.jsonl",
        [{"id": f"t{n}", "question": f"question {n}?", "image": "p.png", "answer": str(n * 2)} for n in range(number)],
    )
    whole = run("eval", folder / "many.jsonl", *flags(folder, "whole"), ASKED=str(folder / "asked-whole"))
    assert whole.returncode == 0, whole.stderr
    words = ["eval", folder / "many.jsonl", *flags(folder, "killed")]
    command = [sys.executable, "-c", "from codedance.cli import main; main()", *map(str, words)]
    killed = subprocess.Popen(command, env={**os.environ, "ASKED": str(folder / "asked-1")}, stderr=subprocess.DEVNULL)
    traces = folder / "killed" / TRACES
    while killed.poll() is None and (not traces.exists() or traces.read_bytes().count(b"\n") < number // 4):
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    done = {json.loads(line)["question"] for line in traces.read_bytes().split(b"\n")[:-1]}
    assert number // 4 <= len(done) < number, "it was killed in the middle"
    resumed = run(*words, ASKED=str(folder / "asked-2"))
    assert resumed.returncode == 0, resumed.stderr
    asked_again = {f"question {line}?" for line in (folder / "asked-2").read_text().split()}
    assert asked_again.isdisjoint(done)
    assert figures(folder / "killed") == figures(folder / "whole")
    assert results(folder / "killed") == results(folder / "whole")


def figures(out: Path) -> dict[str, Any]:
    (file,) = out.glob("stats_*.json")
    return {name: value for name, value in json.loads(file.read_text())["many"].items() if name != "seconds"}


def results(out: Path) -> dict[str, Any]:
    (file,) = out.glob("result_*.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows:
        row["seconds"] = 0
        for ran in row["tool_runs"]:
            ran["seconds"] = 0
    return {row["index"]: row for row in rows}


def test_several_files_are_told_apart_by_their_names(folder: Path, run_here: Run) -> None:
    write(folder / "others.jsonl", [{"question": "question 1?", "image": "p.png", "answer": "2"}])
    done = run_here("eval", folder / "doubles.jsonl", folder / "others.jsonl", "--limit", 2, *flags(folder))
    assert "| doubles | 2 | 1.000" in done.stdout and "| others | 1 | 1.000" in done.stdout
    assert len(list((folder / "out").glob("result_*"))) == 2
    ids = {json.loads(line)["task_id"] for line in (folder / "out" / TRACES).read_text().splitlines()}
    assert ids == {"doubles/t0", "doubles/t1", "others/1"}
    (folder / "more").mkdir()
    (folder / "more/doubles.jsonl").write_bytes((folder / "doubles.jsonl").read_bytes())
    twice = run_here("eval", folder / "doubles.jsonl", folder / "more/doubles.jsonl", *flags(folder, "two"))
    assert twice.returncode == 2 and "two sources have the name 'doubles'" in twice.stderr


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a missing picture": ({"data_source": "count", "images": ["gone.png"]}, "there is no picture"),
    "a wrong type": ({"data_source": "count", "images": ["p.png"], "prompt": 7}, "'prompt' is 7; it must be"),
    "an empty answer": ({"data_source": "count", "images": ["p.png"], "answer": " "}, "'answer' is ' '; it must be"),
    "an unknown source": ({"data_source": "moon", "images": ["p.png"]}, "data_source is 'moon'; the known ones are"),
    "an answer that its rule refuses": (
        {"data_source": "vl_agent", "images": ["p.png"], "prompt": "question 2? (A) 4 (B) 5", "answer": "Z"},
        "calls the known answer 'Z' undecided: the known answer is none of the options",
    ),
}


@pytest.mark.parametrize(("row", "told"), BAD.values(), ids=BAD.keys())
def test_bad_rows_stop_with_a_message_or_are_counted_and_listed(
    folder: Path, run_here: Run, row: dict[str, Any], told: str
) -> None:
    good = {"data_source": "count", "prompt": "question 2?", "images": ["p.png"], "answer": "4"}
    file = write(folder / "rl.jsonl", [good, {**good, **row}, {**good, "prompt": "question 3?", "answer": "6"}])
    stopped = run_here("eval", file, *flags(folder))
    assert stopped.returncode != 0 and told in stopped.stderr and "2" in stopped.stderr, stopped.stderr
    assert len(stopped.stderr.strip().splitlines()) == 1 and not (folder / "asked").exists()
    skipped = run_here("eval", file, "--skip-bad", *flags(folder))
    assert skipped.returncode == 0, skipped.stderr
    assert "1 rows are left out" in skipped.stderr and told in skipped.stderr
    assert "| count | 2 | 1.000" in skipped.stdout
    (listed,) = json.loads((folder / "out/eval.json").read_text())["left_out"]
    assert told in listed


def test_like_repeats_an_evaluation_and_compares_with_it(folder: Path, run_here: Run) -> None:
    run_here("eval", folder / "doubles.jsonl", "--turns", 3, "--limit", 4, *flags(folder, "first"))
    own = ("--model", f"script:{folder / 'script.py'}", *ISOLATION)
    again = run_here("eval", "--like", folder / "first", "--out", folder / "second", *own)
    assert again.returncode == 0, again.stderr
    assert "| first -> second | 4 | +0.000" in again.stdout and "otherwise than" not in again.stderr
    assert f"as in {folder / 'first'}: tasks {folder / 'doubles.jsonl'}, limit 4, turns 3, isolation 0" in again.stderr
    assert json.loads((folder / "second/run.json").read_text())["settings"]["turns"] == 3
    more = run_here("eval", "--like", folder / "first", "--turns", 5, "--out", folder / "third", *own)
    assert more.returncode == 2 and "--like repeats the earlier evaluation's rollout" in more.stderr
    with open(folder / "doubles.jsonl", "a") as file:
        file.write("\n")
    changed = run_here("eval", "--like", folder / "first", "--out", folder / "fourth", *own)
    assert changed.returncode == 1 and "the file has changed since" in changed.stderr
    nothing = run_here("eval", "--like", folder, "--out", folder / "fifth")
    assert nothing.returncode == 1 and "there is no evaluation here" in nothing.stderr


@pytest.mark.parametrize("model", ["script:{}/evil.py", "hf:{}", " SCRIPT:{}/evil.py"])
def test_like_takes_no_model_from_the_folder_that_would_run_here(folder: Path, run_here: Run, model: str) -> None:
    run_here("eval", folder / "doubles.jsonl", "--limit", 1, *flags(folder, "theirs"))
    theirs = json.loads((folder / "theirs/eval.json").read_text())
    theirs["request"]["model"] = model.format(folder / "theirs")
    (folder / "theirs/evil.py").write_text(f"open({str(folder / 'mark')!r}, 'w')\ndef reply(messages, sampling): return ''")
    (folder / "theirs/eval.json").write_text(json.dumps(theirs))
    done = run_here("eval", "--like", folder / "theirs", "--out", folder / "mine", *ISOLATION)
    assert done.returncode == 2 and "never taken from a folder" in done.stderr and "--model" in done.stderr
    assert not (folder / "mark").exists()


def test_every_kind_of_model_that_runs_here_has_to_be_named() -> None:
    assert set(evaluation._IN_PROCESS) == set(named._IN_PROCESS)


def test_like_takes_no_weaker_sandbox_from_the_folder_than_our_own() -> None:
    theirs = SandboxFlags(time_s=90.0, memory_mb=512, isolation=0)
    made, told = evaluation._within(theirs, SandboxFlags())
    assert made == SandboxFlags(time_s=20.0, memory_mb=512, isolation=3)
    assert told == (
        "time_s 90 is not taken, it is 20 here; --time-s 90 allows it",
        "isolation 0 is not taken, it is 3 here; --isolation 0 allows it",
    )
    assert evaluation._within(theirs, replace(theirs, time_s=100.0)) == (theirs, ())


def test_like_asks_no_file_that_the_folder_has_no_digest_of(folder: Path, run_here: Run) -> None:
    run_here("eval", folder / "doubles.jsonl", "--limit", 1, *flags(folder, "theirs"))
    theirs = json.loads((folder / "theirs/eval.json").read_text())
    theirs["digests"] = {}
    (folder / "theirs/eval.json").write_text(json.dumps(theirs))
    done = run_here("eval", "--like", folder / "theirs", *flags(folder, "mine"))
    assert done.returncode == 1 and "without its digest" in done.stderr


def test_probes_ask_again_and_say_what_is_lost(folder: Path, run_here: Run) -> None:
    done = run_here("eval", folder / "doubles.jsonl", "--probe", "no-tool", "--probe", "blank", *flags(folder))
    assert "| probe-no-tool | 6 | -0.833" in done.stdout and "| probe-blank | 6 | +0.000" in done.stdout
    report = (folder / "out/report.html").read_text()
    assert "What accuracy loses" in report and "no-tool" in report


def test_repeats_give_pass_at_k_and_the_majority(folder: Path, run_here: Run) -> None:
    done = run_here("eval", folder / "doubles.jsonl", "--repeats", 3, "--temperature", 1, "--seed", 1, *flags(folder))
    assert "pass@1" in done.stdout and "majority" in done.stdout
    assert stats(folder / "out")["total_samples"] == 18


def test_a_dry_run_shows_prompts_and_asks_nobody(folder: Path, run_here: Run) -> None:
    done = run_here("eval", folder / "doubles.jsonl", "--dry-run", *flags(folder))
    assert done.returncode == 0 and "question 0?" in done.stdout and "You answer questions" in done.stdout
    assert not (folder / "asked").exists() and not (folder / "out").exists()


def test_a_run_is_scored_later_by_other_rules_into_other_files(folder: Path, run_here: Run) -> None:
    rows = [{"question": "question 5?", "image": "p.png", "answer": "1", "rule": "countbenchqa"}]  # 1 is a part of 10
    run_here("run", write(folder / "counts.jsonl", rows), *flags(folder))
    asked = (folder / "asked").read_text()
    for mode, right in (("default", "0.000"), ("paper", "1.000")):
        done = run_here("score", folder / "out", "--mode", mode)
        assert f"| counts | 1 | {right}" in done.stdout, done.stderr
    assert (folder / "asked").read_text() == asked
    assert {path.name for path in (folder / "out").glob("scores*")} == {"scores.jsonl", "scores.paper.jsonl"}
    assert len(list((folder / "out").glob("stats_*"))) == 2


def test_comparing_lists_the_answers_that_changed(folder: Path, run_here: Run) -> None:
    run_here("eval", folder / "doubles.jsonl", *flags(folder, "one"))
    (folder / "script.py").write_text(SCRIPT.replace("* 2", "* 3"))
    run_here("eval", folder / "doubles.jsonl", *flags(folder, "two"))
    done = run_here("compare", folder / "one", folder / "two")
    assert "| two | 6 | -0.667" in done.stdout and "| lost | t2 | 4 | 6 |" in done.stdout
    unscored = run_here("compare", folder / "one", folder)
    assert unscored.returncode == 1 and "there are no scores here" in unscored.stderr


def test_going_on_keeps_to_what_was_asked(folder: Path, run_here: Run) -> None:
    run_here("eval", folder / "doubles.jsonl", "--limit", 2, *flags(folder))
    write(folder / "others.jsonl", [{"question": "question 1?", "image": "p.png", "answer": "2"}])
    before = (folder / "out/eval.json").read_bytes()
    for words, told in (
        ((folder / "doubles.jsonl", folder / "others.jsonl", "--limit", 2), "with tasks"),
        ((folder / "doubles.jsonl", "--limit", 1), "with limit 2, not 1"),
        ((folder / "doubles.jsonl", "--limit", 2, "--options-seed", 3), "with options_seed 0, not 3"),
        ((folder / "doubles.jsonl", "--limit", 2, "--turns", 3), "settings.turns was 10, is 3"),
    ):
        refused = run_here("eval", *words, *flags(folder))
        assert refused.returncode == 2 and told in refused.stderr, refused.stderr
    assert (folder / "out/eval.json").read_bytes() == before
    more = run_here("eval", folder / "doubles.jsonl", *flags(folder))
    assert more.returncode == 0 and "| doubles | 6 |" in more.stdout and "2 from before" in more.stderr


def test_what_is_refused_leaves_no_evaluation_behind(folder: Path, run_here: Run) -> None:
    run_here("run", folder / "doubles.jsonl", *flags(folder))
    refused = run_here("eval", folder / "doubles.jsonl", "--temperature", 1, *flags(folder))
    assert refused.returncode == 2 and not (folder / "out/eval.json").exists()


def test_a_cache_does_not_make_repeats_the_same(folder: Path, run_here: Run) -> None:
    words = ("eval", folder / "doubles.jsonl", "--repeats", 2, "--temperature", 1, "--cache", folder / "cache", *flags(folder))
    refused = run_here(*words)
    assert refused.returncode == 2 and "add --seed" in refused.stderr


def test_only_the_same_questions_are_compared(folder: Path, run_here: Run) -> None:
    run_here("eval", folder / "doubles.jsonl", *flags(folder, "one"))
    text = (folder / "doubles.jsonl").read_text().replace("question ", "the question ")
    (folder / "others.jsonl").write_text(text)
    run_here("eval", folder / "others.jsonl", *flags(folder, "two"))
    refused = run_here("compare", folder / "one", folder / "two")
    assert refused.returncode == 1 and "was another question; compare runs over the same tasks" in refused.stderr


def test_two_tasks_with_one_id_are_told_before_anything_is_asked(folder: Path, run_here: Run) -> None:
    rows = [{"id": "a", "question": f"question {n}?", "image": "p.png", "answer": "4"} for n in range(2)]
    refused = run_here("eval", write(folder / "twice.jsonl", rows), *flags(folder))
    assert refused.returncode == 1 and "two tasks have the id 'a'" in refused.stderr and not (folder / "asked").exists()


def test_questions_without_a_known_answer_are_asked_and_counted(folder: Path, run_here: Run) -> None:
    rows = [{"question": "question 2?", "image": "p.png", "answer": "4"}, {"question": "question 3?", "image": "p.png"}]
    files = write(folder / "some.jsonl", rows), write(folder / "hidden.jsonl", [{"id": "q7", **rows[1]}])
    done = run_here("eval", *files, *flags(folder))
    assert "2 of them have no known answer" in done.stderr and done.returncode == 0
    assert "| some | 1 | 1.000" in done.stdout and "; no answers known: 1 |" in done.stdout
    assert "| hidden | 0 | no answers known: 1 |" in done.stdout
    (sent,) = (folder / "out").glob("predictions_*_hidden.json")
    assert json.loads(sent.read_text()) == {"q7": "6"} and f"answers to send in: {sent}" in done.stderr
    assert stats(folder / "out", "hidden")["accuracy"]["value"] is None


def judging(body: Mapping[str, Any]) -> str:
    """The same if one is a part of the other; knows the answers of the preflight."""
    words = body["messages"][-1]["content"]
    text = words if isinstance(words, str) else "".join(part.get("text", "") for part in words)
    same = "four cups" in text or "eleven" in text
    return json.dumps({"why": "read", "same": "yes" if same else "no"})


def words_to_judge(folder: Path) -> Path:
    rows = [
        {"id": f"w{n}", "question": f"question {n}?", "image": "p.png", "answer": "eleven" if n < 3 else "none", "rule": "judged"}
        for n in range(5)
    ]
    return write(folder / "words.jsonl", rows)


@pytest.fixture
def words_said(folder: Path, run_here: Run) -> Path:
    """A run whose answers only a judge can tell."""
    assert run_here("run", words_to_judge(folder), *flags(folder)).returncode == 0
    return folder


@pytest.fixture
def scored(words_said: Path, run_here: Run) -> Scored:
    """Scores it, while a server runs."""
    return lambda *words: asyncio.to_thread(run_here, "score", words_said / "out", *words)


async def test_two_judges_one_of_them_dead_give_the_scores_of_one(words_said: Path, scored: Scored) -> None:
    async with FaultyServer(reply=judging) as judge:
        alone = await scored("--judge-url", judge.url)
        assert alone.returncode == 0, alone.stderr
        assert "| words | 5 | 0.600" in alone.stdout and "judge 5" in alone.stdout
        first = (words_said / "out/scores.jsonl").read_text()
        (words_said / "out/scores.jsonl").unlink()
        shutil.rmtree(folder_of_replies := words_said / "cache/codedance/judgements")
        both = await scored("--judge-url", f"http://127.0.0.1:9/v1,{judge.url}")
        assert both.returncode == 0, both.stderr
    assert (words_said / "out/scores.jsonl").read_text() == first
    assert folder_of_replies.is_dir() and not (words_said / "out/judgements").exists(), "a judge's replies are the user's"


async def test_what_a_folder_says_of_its_answers_is_not_believed(words_said: Path, scored: Scored) -> None:
    scores = words_said / "out/scores.jsonl"
    async with FaultyServer(reply=judging) as judge:
        await scored("--judge-url", judge.url)
        honest = scores.read_text()
        kept = await scored("--judge-url", judge.url)
        assert "5 verdicts of the judge" in kept.stderr and scores.read_text() == honest
        for claim in ({"judged": "of other words"}, {"decided_by": "rule"}, {"judge": "another"}):
            lines = [{**json.loads(line), "acc": 1.0, **claim} for line in honest.splitlines()]
            scores.write_text("".join(json.dumps(line) + "\n" for line in lines))
            again = await scored("--judge-url", judge.url)
            assert "verdicts of the judge" not in again.stderr and scores.read_text() == honest
        scores.write_text(honest.replace('"acc":0.0', '"acc":1.0'))
        assert "1.000" in (await scored("--judge-url", judge.url)).stdout
        assert "--fresh asks anew" in (await scored("--judge-url", judge.url)).stderr
        await scored("--judge-url", judge.url, "--fresh")
    assert scores.read_text() == honest


async def test_judgements_that_fail_are_no_zeros_and_are_asked_again(scored: Scored) -> None:
    said = {"bad": True}

    def sometimes(body: Mapping[str, Any]) -> str:
        text = json.dumps(body["messages"])
        return "Judgement: 1" if said["bad"] and "question 1?" in text else judging(body)

    async with FaultyServer(reply=sometimes) as judge:
        failed = await scored("--judge-url", judge.url)
        assert failed.returncode == 1 and "1 judgements failed" in failed.stderr
        assert "failed 1" in failed.stdout and "0.500 of 4" in failed.stdout
        said["bad"] = False
        asked = len(judge.requests)
        mended = await scored("--judge-url", judge.url)
        assert mended.returncode == 0 and "| words | 5 | 0.600" in mended.stdout, mended.stderr
        assert len(judge.requests) - asked == 3, "two questions to try it, and the one that failed"


async def test_ctrl_c_while_judging_keeps_what_is_judged(words_said: Path, scored: Scored) -> None:
    hanging = {"question 4?"}

    def slowly(body: Mapping[str, Any], num_before: int) -> Fault:
        return Fault.SLOW if any(words in json.dumps(body["messages"]) for words in hanging) else Fault.NONE

    async with FaultyServer(reply=judging, faults=slowly) as judge:
        command = [sys.executable, "-c", "from codedance.cli import main; main()", "score", str(words_said / "out")]
        env = {**os.environ, "XDG_CACHE_HOME": str(words_said / "cache")}
        scoring = subprocess.Popen([*command, "--judge-url", judge.url], stderr=subprocess.PIPE, text=True, env=env)
        while len(judge.requests) < 7:
            assert scoring.poll() is None
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        scoring.send_signal(signal.SIGINT)
        _, talk = await asyncio.to_thread(scoring.communicate, timeout=60)
        assert scoring.returncode == 130 and "Traceback" not in talk, talk
        hanging.clear()
        asked = len(judge.requests)
        again = await scored("--judge-url", judge.url)
        assert again.returncode == 0 and "| words | 5 | 0.600" in again.stdout, again.stderr
        assert len(judge.requests) - asked == 3, "two questions to try it, and the one that was interrupted"


async def test_a_dead_or_useless_judge_is_told_before_anything_is_asked(folder: Path) -> None:
    file = words_to_judge(folder)
    dead = await asyncio.to_thread(
        run, "eval", file, *flags(folder), "--judge-url", "http://127.0.0.1:9/v1", ASKED=str(folder / "asked")
    )
    assert dead.returncode == 1 and "127.0.0.1:9" in dead.stderr and not (folder / "asked").exists()
    async with FaultyServer(reply=lambda body: '{"why": "", "same": "yes"}') as judge:
        useless = await asyncio.to_thread(
            run, "eval", file, *flags(folder), "--judge-url", judge.url, ASKED=str(folder / "asked")
        )
    assert useless.returncode == 2 and "calls '4' and 'There are 5.' the same" in useless.stderr
    assert not (folder / "asked").exists()


async def test_no_sample_is_lost_to_a_server_that_fails_in_every_way(folder: Path) -> None:
    def reply(body: Mapping[str, Any]) -> str:
        text = json.dumps(body["messages"])
        return f"<answer>{int(text.rsplit('question ', 1)[1].split('?')[0]) * 2}</answer>"

    async with FaultyServer(faults=mix(seed=3, share=0.3), reply=reply) as server:
        words = ("eval", folder / "doubles.jsonl", "--repeats", 4, "--temperature", 1, "--seed", 1, "--out", folder / "out")
        done = await asyncio.to_thread(
            run, *words, *ISOLATION, "--model", "openai:tiny", "--base-url", server.url, OPENAI_API_KEY="x"
        )
        assert any(request.fault is not Fault.NONE for request in server.requests)
    assert done.returncode == 0, done.stderr
    section = stats(folder / "out")
    assert (section["total_samples"], section["success_samples"], section["avg_acc"]) == (24, 24, pytest.approx(5 / 6))


async def test_the_released_scripts_flags_do_the_same(folder: Path) -> None:
    script = Path(__file__).parents[2] / "eval/eval.py"
    if not script.is_file():
        pytest.skip("eval/eval.py is not beside the tests")
    good = {"data_source": "count", "prompt": "question 2?", "images": ["p.png"], "answer": "4"}
    file = write(folder / "rl.jsonl", [good, {**good, "prompt": "question 3?", "answer": "7"}])

    def reply(body: Mapping[str, Any]) -> str:
        return f"<answer>{int(json.dumps(body['messages']).rsplit('question ', 1)[1].split('?')[0]) * 2}</answer>"

    async with FaultyServer(reply=reply) as server:
        words = ["--model_name", "tiny", "--api_url", server.url, "--data_path", file, "--save_path", folder / "out"]
        words += ["--num_workers", 2, "--data_source", "count", "--api_key", "secret", "--eval_model_name", "", *ISOLATION]
        command = [sys.executable, str(script), *map(str, words)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=100)
        assert {request.headers["authorization"] for request in server.requests} == {"Bearer secret"}
    assert done.returncode == 0, done.stderr
    assert stats(folder / "out", "count")["avg_acc"] == 0.5
    assert not any("secret" in path.read_text(errors="replace") for path in (folder / "out").rglob("*") if path.is_file())
