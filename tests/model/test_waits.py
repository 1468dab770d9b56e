"""How long servers ask to wait, in the headers and words that they use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codedance.model.waits import retry_after_s, retry_in_s

NOON = 784_111_767.0  # Sun, 06 Nov 1994 08:49:27 GMT


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


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30s"}, 30.0),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "1994-11-06T08:49:37Z"}, 10.0),
        ({"retry-after": "1994-11-06T08:49:37"}, None),
        ({"retry-after": "1", "retry-after-ms": "1500"}, 1.5),
        ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"llm_provider-retry-after": "9"}, 9.0),
        ({"x-ratelimit-reset-after": "30"}, 30.0),
        ({"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": "1994-11-06T08:49:37Z"}, 10.0),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "0"}, 360.0),
    ],
)
def test_other_headers_say_it_too(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, now=NOON) == seconds


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Please retry after 26 seconds.", 26.0),
        ("Please try again in 548ms", 0.548),
        ("Please try again in 6m0s.", 360.0),
        ("try again in 1h2m3s", 3723.0),
        ("Try again in 1 minute", 60.0),
        ("Please wait 30 seconds before retrying", 30.0),
        ('"retryDelay": "34s"', 34.0),
        ('{"retry_after": 12.5}', 12.5),
        ("\u8bf7\u572830\u79d2\u540e\u91cd\u8bd5", 30.0),
        ("Limit 30000 tokens per min", None),
        ("gave up after 5 retries in 20s", None),
        ("retry after midnight", None),
    ],
)
def test_words_say_how_long(words: str, seconds: float | None) -> None:
    assert retry_in_s(words) == seconds


@pytest.mark.parametrize("header", ["1790000030", "1790000030000"])
def test_a_limit_may_end_at_a_date_in_numbers(header: str) -> None:
    assert retry_after_s({"x-ratelimit-reset": header}, now=1.79e9) == 30.0
