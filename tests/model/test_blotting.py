"""A secret is blotted out in every form that servers quote it in, and nothing else is."""

from __future__ import annotations

import base64
import html
import json
import time
from urllib.parse import quote, quote_plus

import pytest

from codedance.errors import ModelError
from codedance.model.blotting import Blotter
from codedance.types import Sampling
from model.asking import asking, model_at
from model.faulty_server import FaultyServer

KEY = 'sk-Se/cret+01"2&3 4'
FORMS = {
    "as it is": KEY,
    "in other case": KEY.upper(),
    "in a URL": quote(KEY),
    "wholly in a URL": quote(KEY, safe=""),
    "in a form": quote_plus(KEY),
    "twice in a URL": quote(quote(KEY, safe=""), safe=""),
    "every byte in a URL": "".join(f"%{ord(char):02X}" for char in KEY),
    "in JSON": json.dumps(KEY),
    "in JSON in JSON": json.dumps(json.dumps(KEY)),
    "every character in JSON": "".join(f"\\u{ord(char):04x}" for char in KEY),
    "slashes in JSON": json.dumps(KEY).replace("/", "\\/"),
    "as Python": repr(KEY),
    "every byte as Python": "".join(f"\\x{ord(char):02x}" for char in KEY),
    "in HTML": html.escape(KEY),
    "every character in HTML": "".join(f"&#{ord(char)};" for char in KEY),
    "every character in hexadecimal HTML": "".join(f"&#x{ord(char):x};" for char in KEY),
    "in hexadecimal": KEY.encode().hex(),
    "in base64": base64.b64encode(KEY.encode()).decode(),
    "in base64 for URLs": base64.urlsafe_b64encode(KEY.encode()).decode(),
    "in base64 of a header": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    "in base64 of a login": base64.b64encode(f"me:{KEY}!".encode()).decode(),
    "in base64 of more": base64.b64encode(f"key is {KEY}, is it?".encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_blotted_out_of_errors(form: str) -> None:
    told = Blotter([KEY]).text(f"wrong key <{FORMS[form]}>, sorry")
    assert told.startswith("wrong key <") and told.endswith(">, sorry") and "***" in told
    assert len(told) < len("wrong key <>, sorry") + 32  # what is left of base64 is of the neighbours


@pytest.mark.parametrize("form", ["as it is", "wholly in a URL", "in JSON", "in HTML", "in hexadecimal", "in base64 of a login"])
def test_whole_spellings_are_blotted_out_of_replies(form: str) -> None:
    body = json.dumps({"content": FORMS[form]}).encode() if form != "in JSON" else f'{{"content": {json.dumps(KEY)}}}'.encode()
    blotted = Blotter([KEY]).body(body)
    assert "***" in json.loads(blotted)["content"] and b"cret" not in blotted


def test_what_holds_no_secret_stays() -> None:
    text = "EMPTY is no key; 100% of tests \\n & <b> aGVsbG8gd29ybGQ="
    assert Blotter([KEY]).text(text) == text and Blotter([]).text(text) == text and Blotter(["abc"]).text("abcd") == "abcd"
    assert Blotter(["EMPTY", "password"]).body(b"EMPTY password") == b"EMPTY password"


@pytest.mark.parametrize("key", ["sk-" + "a" * 100, "%25" * 10, "\\" * 30, "&#0" * 9, "0" * 40])
@pytest.mark.parametrize("unit", ["x", "a", "%25", "\\", "&#0", "0", "sk-"])
def test_no_text_takes_long_to_search(key: str, unit: str) -> None:
    start = time.process_time()
    Blotter([key]).text((unit * 131_072)[:131_072])
    assert time.process_time() - start < 2


@pytest.mark.parametrize("status", [200, 401, 500])
async def test_a_server_that_quotes_the_key_gets_it_into_no_error_and_no_reply(status: int) -> None:
    key = "sk-0123456789abcdef"
    quoted = " ".join([key, quote(key), base64.b64encode(f"Bearer {key}".encode()).decode(), key.encode().hex()])
    message = {"error": {"message": quoted}} if status != 200 else {"choices": [{"message": {"content": quoted, "x": quoted}}]}
    async with FaultyServer(reply=lambda body: (status, message)) as server, model_at(server.url, api_key=key, tries=1) as model:
        try:
            told = repr(await model.generate(asking("?"), Sampling()))
        except ModelError as error:
            told = str(error)
    assert "***" in told and "0123456789" not in told and "MDEyMzQ1" not in told and key.encode().hex() not in told
