"""Secrets are blotted out of what a server says, in whichever form it quotes them.

    blotter = Blotter(["sk-secret-0123456789"])
    blotter.text("no such key: sk%2Dsecret%2D0123456789")       # 'no such key: ***'
    blotter.body(b'{"content": "c2stc2VjcmV0LTAxMjM0NTY3ODk="}')  # b'{"content": "***="}'

Errors are searched for every spelling: characters escaped for URLs, JSON, Python or HTML, any of them or all, in any case; base64
from any offset; hexadecimal. Replies are searched for whole spellings of long secrets only, since they may hold short words such
as EMPTY by right.

Not covered: a secret cut into pieces, turned around or encrypted.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

BLOT = "***"
_LEAST = 4
"""Blotting out shorter ones would blot out half of the message."""
_LEAST_IN_REPLIES = 12
_LEAST_CODED = 8
"""Of an encoded form; shorter ones are words of some language."""


class Blotter:
    """What must not be told. Texts without it come back as they are."""

    def __init__(self, secrets: Iterable[str]) -> None:
        kept = sorted({secret for secret in secrets if len(secret) >= _LEAST}, key=len, reverse=True)
        spellings = [*(_spelt(secret) for secret in kept), *(re.escape(form) for secret in kept for form in _coded(secret))]
        self._spellings = re.compile("|".join(spellings), re.IGNORECASE) if kept else None
        long = [secret for secret in kept if len(secret) >= _LEAST_IN_REPLIES]
        self._whole = [form.encode() for secret in long for form in dict.fromkeys((*_written(secret), *_coded(secret)))]

    def text(self, text: str) -> str:
        """What may be told of an error."""
        return text if self._spellings is None else self._spellings.sub(BLOT, text)

    def body(self, content: bytes) -> bytes:
        """What may be read of a reply; JSON stays JSON."""
        for form in self._whole:
            if form in content:
                content = content.replace(form, BLOT.encode())
        return content


def _spelt(secret: str) -> str:
    """A pattern of a secret, each character as it is or escaped in one of the usual ways."""
    return "".join(_character(char) for char in secret)


def _character(char: str) -> str:
    """All repetitions have a bound: a server chooses the text that this is searched for in."""
    codes = "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in char.encode())
    point = f"{ord(char):x}"
    escapes = rf"\\{{1,8}}(?:(?:u0{{0,4}}|x){point}|u\{{0{{0,4}}{point}\}}|{re.escape(char)})"
    ways = [re.escape(char), escapes, codes, f"&#(?:0{{0,4}}{ord(char)}|x0{{0,4}}{point});"]
    ways += [re.escape(html.escape(char))] if char in "&<>\"'" else []
    ways += [r"\+"] if char == " " else []
    return f"(?:{'|'.join(ways)})"


def _written(secret: str) -> Iterator[str]:
    """The whole secret, as texts, URLs and JSON hold it."""
    yield from (secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], html.escape(secret))


def _coded(secret: str) -> Iterator[str]:
    """The part of an encoding that does not depend on what stands around the secret."""
    raw = secret.encode()
    forms = [raw.hex(), raw.hex().upper()]
    for offset in range(3):
        start = -(-offset * 4 // 3)  # characters that also tell of what stands before
        whole = (offset + len(raw)) * 4 // 3  # those behind tell of what comes after
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.append(encode(bytes(offset) + raw).decode()[start:whole])
    yield from (form for form in dict.fromkeys(forms) if len(form) >= _LEAST_CODED)
