"""The JSON object in the body of an answer, where reading it is safe: of bounded memory, depth and time.

    read_object(b'{"choices": []}')         # {'choices': []}

64 MB of brackets would be gigabytes of objects, and what is nested deeply can be read but not written again. Not covered: how
large a body may be (`bodies`), what stands in it (`replies`).
"""

from __future__ import annotations

import json

from codedance.model.endings import Json, opened
from codedance.model.retry import AskAgain

_MOST_VALUES = 4_000_000
"""Objects, members and elements. A reply of 250,000 tokens with ids and logprobs has as many."""
_MARKS = (b"{", b"[", b",", b":")
_DEEPEST = 100


def read_object(content: bytes) -> Json:
    """The JSON object in a body.

    Raises:
        AskAgain: it is something else, or too much of it.
    """
    if len(content) > _MOST_VALUES and sum(content.count(mark) for mark in _MARKS) > _MOST_VALUES:
        raise AskAgain(f"the reply is JSON of more than {_MOST_VALUES:,} values, which no reply of a model is")
    try:
        body = json.loads(content.decode())
    except UnicodeDecodeError as error:
        raise AskAgain(f"the reply is no whole UTF-8 text: {error.reason} at byte {error.start} of {len(content)}") from None
    except RecursionError:
        raise AskAgain(_TOO_DEEP) from None
    except ValueError as error:
        what = "a web page" if content.lstrip().startswith(b"<") else "no JSON"
        raise AskAgain(f"the reply is {what}: {error}") from None
    if not isinstance(body, dict):
        raise AskAgain(f"the reply is no JSON object but {type(body).__name__}")
    if content.count(b"{") + content.count(b"[") > _DEEPEST and _is_deep(body):
        raise AskAgain(_TOO_DEEP)
    return opened(body)


_TOO_DEEP = f"the reply is no JSON of a model: it is nested more than {_DEEPEST} levels deep"


def _is_deep(body: Json) -> bool:
    level: list[object] = [body]
    for _ in range(_DEEPEST):
        inner = [value for outer in level for value in (outer.values() if isinstance(outer, dict) else _elements(outer))]
        level = [value for value in inner if isinstance(value, (dict, list))]
        if not level:
            return False
    return True


def _elements(outer: object) -> list[object]:
    return outer if isinstance(outer, list) else []
