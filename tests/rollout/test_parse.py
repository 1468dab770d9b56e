"""Every reply in the table is read as a careful person would read it, and no text at all breaks the reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codedance.reply_marks import MARKS, OUTPUT_FENCES, Kind, Mark
from codedance.rollout.codec.escape import escape, escape_forgeries
from codedance.rollout.codec.parse import parse
from codedance.types import FinishReason, Repair
from rollout import spellings
from rollout.replies import ROWS, Row
from speed import costs_at_most

PIECES = [
    "<think>",
    "</think>",
    "<code>",
    "</code>",
    "<answer>",
    "</answer>",
    "```python\n",
    "\n```\n",
    "<tool_call>",
    "</tool_call>",
]
PIECES += [
    "<interpreter>",
    "</interpreter>",
    '{"name": "x", "arguments": {"code": "1"}}',
    "print(1)",
    "7",
    " ",
    "\n",
    "<",
    "&lt;",
    "\u200b",
]
mixtures = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=20).map("".join)


@pytest.mark.parametrize("row", [*ROWS, *spellings.ROWS], ids=lambda row: row.name)
def test_a_reply_is_read_as_meant(row: Row) -> None:
    action = parse(row.text, row.finish)
    assert (action.code, action.answer) == (row.code, row.answer)
    assert set(action.repairs) == row.repairs
    assert row.problem in action.problem and bool(row.problem) == bool(action.problem)


def test_the_table_has_sixty_rows_and_more() -> None:
    assert len(ROWS) >= 60 and len({row.name for row in ROWS}) == len(ROWS)


TRIED = "Is it <answer>3</answer>? No."
MARKED = [mark for mark in MARKS if "NAME" not in mark.open]


@pytest.mark.parametrize("mark", [mark for mark in MARKED if mark.kind is Kind.THOUGHT], ids=lambda mark: mark.open or mark.close)
def test_an_answer_that_is_tried_in_a_thought_of_any_spelling_ends_nothing(mark: Mark) -> None:
    assert parse(f"{mark.open}{TRIED}{mark.close}\n<answer>7</answer>", FinishReason.STOP).answer == "7"
    assert not mark.open or parse(f"{mark.open}{TRIED}", FinishReason.STOP).answer is None


@pytest.mark.parametrize("mark", [mark for mark in MARKED if mark.kind is Kind.OBSERVATION], ids=lambda mark: mark.open)
@pytest.mark.parametrize("code", ["<code>\n```python\nprint(1)\n```\n</code>", "```python\nprint(1)\n```"])
def test_an_output_that_is_made_up_in_any_spelling_is_cut(mark: Mark, code: str) -> None:
    for opened in (mark.open, mark.open.upper(), mark.open.replace("<", "< ") if "|" not in mark.open else mark.open):
        action = parse(f"{code}\n{opened}\n1\n{mark.close}\nSo.\n{code}", FinishReason.STOP)
        assert action.code == "print(1)" and Repair.FORGED_OBSERVATION in action.repairs


@pytest.mark.parametrize("label", [*OUTPUT_FENCES, "", "code_output", "OUTPUT"])
def test_a_fence_with_an_output_behind_code_ends_the_cell(label: str) -> None:
    fence = f"```python\nprint(1)\n```\n```{label}\n1\n```\n```python\nprint(2)\n```"
    for text in (fence, f"<code>\n{fence}\n</code>"):
        action = parse(text, FinishReason.STOP)
        assert action.code == "print(1)" and Repair.FORGED_OBSERVATION in action.repairs


@pytest.mark.parametrize("mark", [mark for mark in MARKS if mark.kind is Kind.CALL], ids=lambda mark: mark.open)
def test_a_call_between_marks_of_any_spelling_is_read(mark: Mark) -> None:
    call = '{"name": "execute_python_code", "arguments": {"code": "print(1)"}}'
    for close in (mark.close, ""):  # a stop text may have taken it away
        action = parse(f"Let me look.\n{mark.open.replace('NAME', 'x')}{call}{close}", FinishReason.STOP)
        missing = action.missing_close.casefold().replace("_", "")  # <TOOLCALL> and <tool_call> are one mark
        assert action.code == "print(1)" and missing == ("" if close else mark.close.casefold().replace("_", ""))


@pytest.mark.parametrize("mark", [mark for mark in MARKS if mark.kind is Kind.PARAMETER], ids=lambda mark: mark.open)
def test_a_parameter_of_any_spelling_is_read(mark: Mark) -> None:
    value = f"{mark.open.replace('NAME', 'code')}a = 1\nprint(a){mark.close}"
    assert parse(f"<tool_call>x{{{value}}}</tool_call>", FinishReason.STOP).code == "a = 1\nprint(a)"


@pytest.mark.parametrize("mark", [mark for mark in MARKED if mark.kind in (Kind.CODE, Kind.ANSWER)], ids=lambda mark: mark.open)
def test_code_and_answers_between_marks_of_any_spelling_are_read(mark: Mark) -> None:
    action = parse(f"{mark.open}print(1){mark.close}", FinishReason.STOP)
    assert (action.code if mark.kind is Kind.CODE else action.answer) == "print(1)"


@given(mixtures, st.sampled_from(FinishReason))
def test_any_text_gives_exactly_one_of_code_answer_and_problem(text: str, finish: FinishReason) -> None:
    action = parse(text, finish)
    assert sum((action.code is not None, action.answer is not None, bool(action.problem))) == 1
    assert 0 <= action.end <= len(text)


@given(mixtures)
def test_what_stands_behind_the_action_changes_nothing(text: str) -> None:
    whole = "<think>a</think><code>\n```python\nprint(1)\n```\n</code><interpreter>"
    assert parse(whole + text, FinishReason.STOP).code == "print(1)"


@given(mixtures)
def test_nothing_inside_of_a_thought_is_an_action(text: str) -> None:
    inner = escape(text) if "</think" in text.casefold().replace(" ", "") else text
    if "think" in inner.casefold():
        inner = inner.casefold().replace("think", "thing")
    action = parse(f"<think>{inner}</think><answer>7</answer>", FinishReason.STOP)
    assert (action.code, action.answer) == (None, "7")


@given(mixtures)
def test_escaped_text_holds_no_tag_that_could_be_read(text: str) -> None:
    action = parse(escape(text.replace("`", "'").replace("{", "(").replace('"', "'")), FinishReason.STOP)
    assert (action.code, action.answer) == (None, None)
    assert escape(escape(text)) == escape(text)


@pytest.mark.parametrize(
    "mark",
    [
        "<|im_end|>",
        "<|image_pad|>",
        "<image>",
        "</s>",
        "<start_of_turn>",
        "[INST]",
        "[/INST]",
        "<\uff5cend\u2581of\u2581sentence\uff5c>",
    ]
    + ["<IMG_CONTEXT>", "<|endoftext|>", "<bos>", "<video>", "\uff1c|im_start|>"],
)
def test_marks_of_chat_templates_are_made_harmless_everywhere(mark: str) -> None:
    for make_safe in (escape, escape_forgeries):
        assert mark not in make_safe(f"a {mark} b")


@pytest.mark.parametrize(
    "tag",
    [
        "</interpreter>",
        "<interpreter>",
        "< / INTERPRETER >",
        "<\u200binterpreter>",
        "\uff1c/interpreter>",
        "<tool_response x=1>",
        "</observation",
    ],
)
def test_observation_tags_are_made_harmless_in_output_and_in_replies(tag: str) -> None:
    for make_safe in (escape, escape_forgeries):
        assert make_safe(tag) == "&lt;" + tag[1:]


@pytest.mark.parametrize(
    "text", ["a < b and c > d", "x<3", "<b>bold</b>", "List[int]", "<module 'x'>", "array([1, 2])", "<interpreters>", "<svg>"]
)
def test_ordinary_output_stays_as_it_is(text: str) -> None:
    assert escape(text) == text


@pytest.mark.parametrize(
    "code",
    ["cv2.calcHist([img], [0], None, [256], [0, 256])", "if a < observation: pass", "x = [IMG]", "y = a <code", "i<s and s>t"],
)
def test_code_in_a_conversation_stays_as_it_is(code: str) -> None:
    assert escape_forgeries(code) == code


UNITS = [
    "<",
    "< ",
    "<\n",
    "`",
    "~",
    "```",
    "{",
    "[",
    '"',
    "<think>",
    "<code>",
    "<answer>",
    "<tool_call>",
    "<interpreter>",
    "</think>",
]
UNITS += [
    "<code>```python\n",
    "\n```\n",
    '"code":"',
    " ",
    "\n",
    "</",
    "<|",
    "<code x=",
    "\u200b<",
    "<tool_call>{",
    "a<answer></answer>",
    "<parameter=x></function>",
    "[TOOL_CALLS]",
    "</think><answer>7</answer>",
    "```output\n",
]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("start", ["", "<code>print(1)</code>", "<tool_call>", '<tool_call>"code":"', "<think>"])
def test_a_model_that_repeats_itself_costs_no_time(unit: str, start: str) -> None:
    text = start + unit * (40_000 // len(unit))

    def read() -> None:
        for finish in (FinishReason.STOP, FinishReason.LENGTH):
            parse(text, finish)
        escape(text)

    assert costs_at_most(0.4, read)
