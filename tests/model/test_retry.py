"""What is asked again, and when."""

from __future__ import annotations

import json

import pytest

from codedance.model.retry import Backoff, Complaint, read_complaint


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
        (400, "length of prompt_tokens (9001) must be less than max_seq_len (8192)."),
        (500, "context shift is disabled"),
    ],
)
def test_a_conversation_that_is_too_long_is_recognised_in_the_words_of_every_server(status: int, message: str) -> None:
    complaint = read_complaint(status, json.dumps({"error": {"message": message}}))
    assert complaint.is_too_long
    assert not complaint.is_passing


def quoting(raw: object, message: str = "Provider returned error", status: int = 400) -> Complaint:
    """What a gateway says of its provider's error."""
    return read_complaint(status, json.dumps({"error": {"message": message, "code": status, "metadata": {"raw": raw}}}))


def test_an_error_that_a_gateway_quotes_counts_as_its_own() -> None:
    assert quoting("prompt is too long: 210000 tokens > 200000 maximum").is_too_long
    assert quoting({"error": {"message": "no", "code": "context_length_exceeded"}}).is_too_long
    assert quoting(json.dumps({"error": {"message": "no", "code": "content_filter"}})).is_declined
    assert quoting(json.dumps({"error": {"message": "no", "code": "insufficient_quota"}}), status=429).is_out_of_credit
    assert str(quoting(json.dumps({"error": {"message": "no seed"}}))) == "HTTP 400: Provider returned error; no seed"


def test_an_error_that_stands_in_the_words_of_another_counts_once() -> None:
    words = 'litellm.BadRequestError: X - {"error": {"message": "no", "param": "seed", "code": "unknown_parameter"}}'
    complaint = quoting(None, words)
    assert (complaint.message, complaint.param, complaint.code) == (words, "seed", "unknown_parameter")


@pytest.mark.parametrize("raw", ["{", "[]", "7", 7, [7], {"error": None}, '{"error": {"metadata": {"raw": 7}}}'])
def test_no_quotation_breaks_the_reading(raw: object) -> None:
    assert quoting(raw).message.startswith("Provider returned error")


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
