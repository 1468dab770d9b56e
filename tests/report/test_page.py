"""The file: complete in itself, safe whatever the traces hold, within its size, open about what is not in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from codedance import DataError, ExecError, ExecStatus
from codedance.report import write_report
from codedance.report.trace import Names, make_page, unpack
from codedance.types import Isolation, Turn, Wall, WallName
from report.made import made_run, plot
from report.pages import Parsed, Report
from report.runs import EVIL, FULL, Writer, answer, manifest, result, trace

TAGS = {
    *(
        "article",
        "header",
        "section",
        "h1",
        "h3",
        "h4",
        "p",
        "div",
        "span",
        "pre",
        "code",
        "i",
        "strong",
        "del",
        "ins",
        "a",
        "ul",
        "li",
    ),
    *("dl", "dt", "dd", "figure", "figcaption", "button", "img", "details", "summary"),
}
"""What a page of a trace is made of; no script, no style."""


@pytest.fixture(scope="module")
def awkward(nasty: Path) -> Report:
    return Report(nasty)


def one(folder: Path, *turns: Turn, **more: object) -> Report:
    with Writer(folder) as writer:
        writer.store.append(trace("one", turns=turns, **more))
    return Report(write_report(folder))


def test_nothing_in_the_file_leads_outside(awkward: Report) -> None:
    for parsed in (awkward.page, *map(Parsed, awkward.fragments)):
        links = [
            value
            for name, value in parsed.attributes
            if name in ("src", "href", "action", "poster", "srcset", "data", "xlink:href")
        ]
        assert [link for link in links if not link.startswith(("#", "data:"))] == []
        assert set(parsed.tags) & {"base", "iframe", "object", "embed", "video", "audio"} == set()
    assert (
        re.findall(r"url\(|@import|fetch\(|XMLHttpRequest|https?://", awkward.page.raw["style"] + awkward.page.raw["script"])
        == []
    )


def test_the_policy_forbids_the_network_and_names_the_only_script_and_style(awkward: Report) -> None:
    policy = next(value for name, value in awkward.page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; img-src data: blob:;")
    for name in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(awkward.page.raw[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_markup_in_a_trace_stays_text_everywhere(awkward: Report) -> None:
    for fragment in awkward.fragments:
        parsed = Parsed(fragment)
        assert set(parsed.tags) <= TAGS
        assert [name for name, _ in parsed.attributes if name.startswith("on")] == []
    assert awkward.trace(EVIL).text.count(EVIL) == 26
    assert awkward.page.tags.count("script") == len(awkward.rows) + 4 + 1 + sum(
        key.startswith("picture-") for key in awkward.page.raw
    )
    assert [name for name, _ in awkward.page.attributes if name.startswith("on")] == []
    assert "49" not in awkward.trace(EVIL).text


def test_the_embedded_data_survive_markup_in_them(awkward: Report) -> None:
    assert awkward.rows[0]["question"] == EVIL
    for name in ("data-rows", "data-thumbnails", "data-missing", "data-sizes"):
        assert not set("<>&") & set(awkward.page.raw[name])
        json.loads(awkward.page.raw[name])


def test_every_trace_has_a_row_and_a_page(awkward: Report) -> None:
    assert [row["id"] for row in awkward.rows][1:6] == ["floods/1", "ends", "five", "outage", "broken sandbox"]
    assert all(row["question"][:50] in Parsed(page).text for row, page in zip(awkward.rows, awkward.fragments, strict=True))


def test_a_flood_of_output_is_cut_and_says_so(awkward: Report) -> None:
    text = awkward.trace("floods/1").text
    assert re.search(r"[\d,]{5,} characters left out here; traces.jsonl has them", text)
    assert "row 0: 0" in text and "row 5999: 35988001" in text


def test_the_ways_in_which_a_cell_can_end_are_told(awkward: Report) -> None:
    text = awkward.trace("ends").said()
    for words in ("timeout", "output was longer than can be kept", "Sandbox: image 3 was dropped", "crashed", "variables lost"):
        assert words in text
    assert "Ran at isolation level 1, not the run's." in text
    assert "session rebuilt from 2 cells first, in part only" in awkward.trace("five").said()


def test_an_outage_is_no_wrong_answer_of_the_completed(awkward: Report) -> None:
    assert "no endpoint answers: 503 Service Unavailable" in awkward.trace("outage").text
    assert "2 of 4 with a known answer" in awkward.said()
    assert "66.7% of the 3 completed" in awkward.said()


def test_pictures_that_are_not_there_are_named(awkward: Report) -> None:
    missing = json.loads(awkward.page.raw["data-missing"])
    gone, dead = sorted(missing.values())
    assert gone == "images/00ff.png: the file is missing"
    assert dead.startswith("images/dead.png: not in an image format that Pillow knows: these are read: PNG")


def test_empty_replies_and_notes_are_told_apart_from_observations(awkward: Report) -> None:
    text = awkward.trace("empty turns").said()
    assert text.count("An empty reply.") == 2
    assert "Note to the model, not an observation Write code." in text
    assert "cut at the token limit" in text


def test_what_was_run_is_told(awkward: Report) -> None:
    for words in ("Qwen2.5-VL-7B-Instruct", "sampling.temperature 1.0", "memory_mb 1024", "cgroup: no memory cap", "numpy 2.4.6"):
        assert words in awkward.said()
    assert "You answer questions about pictures." in awkward.page.text


def test_what_the_loop_cut_from_a_reply_is_struck_out(tmp_path: Path) -> None:
    turn = replace(answer("4"), text="<answer>4</answer>\n<interpreter>yes</interpreter>", context="<answer>4</answer>")
    page = one(tmp_path, turn).fragments[0]
    assert re.search(r"&lt;answer&gt;4&lt;/answer&gt;\s*<del>&lt;interpreter&gt;yes&lt;/interpreter&gt;\s*</del>", page)


def test_the_line_that_failed_is_marked(tmp_path: Path) -> None:
    with Writer(tmp_path) as writer:
        failed = result(ExecStatus.ERROR, error=ExecError("ZeroDivisionError", "division by zero", 2))
        writer.store.append(trace("x", turns=[writer.turn("t", "a = 1\nb = 2\nc = 3", failed)]))
    page = Report(write_report(tmp_path)).fragments[0]
    assert '<span class="line bad">b = <i class="n">2</i></span>' in page
    assert page.count('class="line bad"') == 1


def test_code_that_nobody_ran_is_said_to_be_so(tmp_path: Path) -> None:
    report = one(tmp_path, Turn(text="<code>print(1)</code>", code="print(1)"))
    assert "This code was not run." in report.trace("one").text


def test_pictures_that_the_model_did_not_get_are_counted(tmp_path: Path) -> None:
    with Writer(tmp_path) as writer:
        execution, observation = writer.ran(result(images=[plot(1), plot(2), plot(3)]), most_seen=1)
        writer.store.append(trace("x", turns=[Turn(text="", code="f()", execution=execution, observation=observation)]))
    assert "The code showed 2 more pictures that the model did not get." in Report(write_report(tmp_path)).trace("x").text


def test_weak_isolation_is_said_on_top(tmp_path: Path) -> None:
    wall = Wall(WallName.THREADS, enforced=False, by="nothing", measured="more than 64")
    weak = manifest(isolation=Isolation(1, ("landlock: not in this kernel",), (wall,)))
    with Writer(tmp_path, weak) as writer:
        writer.store.append(trace("x", turns=[answer("1")]))
    said = Report(write_report(tmp_path)).said()
    assert "locked in at level 1 of 4 only; missing: landlock: not in this kernel." in said
    assert "threads: does not hold (nothing; more than 64)" in said


def test_half_a_character_does_not_break_the_file(tmp_path: Path) -> None:
    report = one(tmp_path, answer("1"), error="\U0001f600")
    page = make_page(trace("x", turns=[answer("\ud800 half")]), None, FULL, Names(), 10_000)
    assert "? half" in unpack(page) and report.rows[0]["error"] == "\U0001f600"


def test_a_large_run_stays_below_twenty_megabytes(large: Path) -> None:
    report = Report(large)
    assert large.stat().st_size < 20_000_000
    assert len(report.rows) == 200
    assert json.loads(report.page.raw["data-missing"]) == {}


def test_each_picture_is_in_the_file_once(large: Path) -> None:
    pictures = [text for key, text in Report(large).page.raw.items() if key.startswith("picture-")]
    assert len(pictures) > 250
    assert len(set(pictures)) == len(pictures)


def test_a_smaller_file_may_be_asked_for(large: Path, tmp_path: Path) -> None:
    small = write_report(large.parent, tmp_path / "small.html", most=60, megabytes=1.5)
    assert small.stat().st_size < 1_500_000
    assert json.loads(Report(small).page.raw["data-missing"]) == {}


def test_of_a_huge_run_some_traces_have_pages_and_figures_count_all(tmp_path: Path) -> None:
    with Writer(tmp_path) as writer:
        for number in range(700):
            writer.store.append(trace(f"t{number}", turns=[answer("1" if number < 350 else "2")], gold="1"))
    report = Report(write_report(tmp_path, most=100))
    assert len(report.rows) == 100
    assert sum(row["match"] == "yes" for row in report.rows) == 50
    assert (
        "This run has 700 traces. The figures count all of them; 100, evenly spread over the run, are listed below"
        in report.said()
    )
    assert "350 of 700 with a known answer" in report.said()


def test_memory_does_not_grow_with_what_the_traces_printed(tmp_path: Path) -> None:
    flood = "".join(f"{number * 7919 % 100003} " for number in range(10_000))
    with Writer(tmp_path) as writer:
        turn = writer.turn("t", "f()", result(stdout=flood))
        for number in range(300):
            writer.store.append(trace(f"t{number}", turns=[turn]))
    assert (tmp_path / "traces.jsonl").stat().st_size > 30_000_000
    write_report(tmp_path, most=1)
    tracemalloc.start()
    try:
        write_report(tmp_path, most=10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12_000_000


def test_a_real_run_is_told_whole(scripted: Path) -> None:
    report = Report(scripted)
    assert {(row["id"], row["match"], row["turns"]) for row in report.rows} == {
        ("coins.png", "yes", 4),
        ("chelsea.png", "yes", 5),
        ("rocket.jpg", "no", 3),
    }
    assert "6 traces of 3 tasks" in report.said()
    assert "by tasks" in report.said()
    coins, cat, rocket = (report.trace(name).said() for name in ("coins.png", "chelsea.png", "rocket.jpg"))
    assert "24 coins" in coins and "770 tokens" in coins
    assert (
        "ModuleNotFoundError in line 1" in cat
        and "Read all the same: unclosed think" in cat
        and "That reply cannot be used" in cat
    )
    assert "timeout" in rocket and "scanning" in rocket


def test_the_report_goes_beside_the_run_and_changes_nothing_else(tmp_path: Path) -> None:
    made_run(tmp_path, 2, size=(560, 560))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert write_report(tmp_path) == tmp_path / "report.html"
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after.keys() - before.keys() == {tmp_path / "report.html"}
    assert all(after[path] == data for path, data in before.items())


def test_the_same_run_makes_the_same_file(tmp_path: Path) -> None:
    made_run(tmp_path, 6, size=(560, 560))
    assert write_report(tmp_path).read_bytes() == write_report(tmp_path, tmp_path / "again.html").read_bytes()


@pytest.mark.parametrize("flaw", ["no folder", "no traces", "damaged line", "foreign line", "no manifest"])
def test_a_run_that_cannot_be_read_is_one_clear_error(tmp_path: Path, flaw: str) -> None:
    folder = tmp_path / "run"
    if flaw != "no folder":
        with Writer(folder) as writer:
            if flaw != "no traces":
                writer.store.append(trace("x", isolation=FULL))
        if flaw.endswith("line"):
            with open(folder / "traces.jsonl", "a") as file:
                file.write("{nonsense\n" if flaw == "damaged line" else '{"task_id": "y", "sample": 0, "stop": "answered"}\n')
        if flaw == "no manifest":
            (folder / "run.json").unlink()
    with pytest.raises(DataError) as caught:
        write_report(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    one(tmp_path, answer("1"))
    with pytest.raises(DataError, match="cannot be written"):
        write_report(tmp_path, tmp_path / "missing" / "report.html")
    with pytest.raises(DataError, match="cannot be written"):
        write_report(tmp_path, tmp_path / "prompts")
