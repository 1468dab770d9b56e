"""What is asked again, and when."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codedance.model.retry import Backoff, read_complaint, retry_after_s

NOON = 784_111_767.0  # Sun, 06 Nov 1994 08:49:27 GMT


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_asked_again(status: int) -> None:
    assert read_complaint(status, "{}").is_passing


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 413, 422])
def test_a_refusal_is_not_asked_again(status: int) -> None:
    assert not read_complaint(status, "{}").is_passing


def test_used_up_credit_does_not_pass() -> None:
    complaint = read_complaint(429, '{"error": {"message": "no more", "code": "insufficient_quota"}}')
    assert complaint.is_out_of_credit
    assert not complaint.is_passing


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        ('{"error": {"message": "no", "type": "t", "code": null}}', "no", "t"),
        ('{"error": {"message": "no", "type": "t", "code": "c"}}', "no", "c"),
        ('{"error": {"message": "no", "type": "t", "code": 400}}', "no", "t"),
        ('{"object": "error", "message": "no", "type": "BadRequestError", "code": 400}', "no", "BadRequestError"),
        ('{"error": "no"}', "no", ""),
        ('{"detail": "no"}', "no", ""),
        ('{"detail": [{"msg": "no"}]}', '[{"msg": "no"}]', ""),
        ('[{"error": {"message": "no"}}]', "no", ""),
        ("<h1>no</h1>\n", "<h1>no</h1>", ""),
        ("No.\n", "No", ""),
        ("no " * 1000, ("no " * 99) + "...", ""),
        ("[" * 100_000, "[" * 297 + "...", ""),
        ("", "", ""),
        ("7", "7", ""),
        ('{"error": null}', '{"error": null}', ""),
    ],
)
def test_every_usual_shape_of_an_error_is_read(body: str, message: str, code: str) -> None:
    complaint = read_complaint(400, body)
    assert (complaint.message, complaint.code) == (message, code)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "This model's maximum context length is 16384 tokens. However, you requested 19591 tokens."),
        (400, "The decoder prompt (length 10127) is longer than the maximum model length of 8192."),
        (400, "The prompt (total length 25938) is too long to fit into the model (context length 4096)."),
        (400, "The input (61709 tokens) is longer than the model's context length (40960 tokens)."),
        (400, "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens)."),
        (400, "request (4390 tokens) exceeds the available context size (4096 tokens), try increasing it"),
        (500, "Context size has been exceeded."),
        (400, "Requested tokens (2285) exceed context window of 2048"),
        (400, "The input token count (314175) exceeds the maximum number of tokens allowed (131072)."),
        (400, "prompt is too long: 210000 tokens > 200000 maximum"),
        (400, "'max_tokens' is too large: 5000. This model's maximum context length is 4096 tokens"),
        (422, "`inputs` tokens + `max_new_tokens` must be <= 4096"),
    ],
)
def test_a_conversation_that_is_too_long_is_recognised_in_the_words_of_every_server(status: int, message: str) -> None:
    complaint = read_complaint(status, json.dumps({"error": {"message": message}}))
    assert complaint.is_too_long
    assert not complaint.is_passing


@pytest.mark.parametrize("code", ["context_length_exceeded", "exceed_context_size_error"])
def test_a_conversation_that_is_too_long_is_recognised_by_its_code(code: str) -> None:
    assert read_complaint(500, json.dumps({"error": {"message": "no", "code": code}})).is_too_long


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "max_tokens must be at least 1"),
        (429, "Rate limit: the context window of a minute is full"),
        (400, "Invalid image: too long"),
        (503, "the context size is being set up"),
    ],
)
def test_other_complaints_are_not_about_the_context(status: int, message: str) -> None:
    assert not read_complaint(status, json.dumps({"error": {"message": message}})).is_too_long


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0.5 ", 0.5),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 10.0),
        ("Sun, 06 Nov 1994 08:49:17 GMT", None),
        *((text, None) for text in ("", "0", "-3", "soon", "nan", "inf", "Sun, 99 Nov 1994 08:49:37 GMT")),
    ],
)
def test_retry_after_is_seconds_or_a_date_in_the_future(header: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": header}, now=NOON) == seconds


def test_without_a_header_the_server_asks_for_nothing() -> None:
    assert retry_after_s({}, now=NOON) is None


@given(st.text())
def test_no_header_breaks_the_reading(text: str) -> None:
    assert (retry_after_s({"retry-after": text}, now=NOON) or 1) > 0


def test_waits_are_drawn_below_a_bound_that_doubles_up_to_the_cap() -> None:
    bounds: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        bounds.append((low, high))
        return high / 2

    backoff = Backoff(draw=draw)
    waits = [backoff.wait_s(n, None) for n in (1, 2, 3, 7, 10_000)]
    assert bounds == [(0, 0.5), (0, 1), (0, 2), (0, 30), (0, 30)]
    assert waits == [high / 2 for _, high in bounds]


def test_what_the_server_asks_for_is_obeyed_within_reason() -> None:
    assert [Backoff().wait_s(1, asked_s) for asked_s in (7.0, 9999.0)] == [7.0, 120.0]
