"""What to do about a refusal that neither another form of the request nor a wait cures, in words that name a flag.

    next_step(complaint, request)            # Advice("... --format tool_call ...", concerns_all=True)

`concerns_all` tells the refusals that every request of a run would meet from those of one conversation. Wordings: vLLM, SGLang,
llama.cpp and llama-cpp-python, OpenAI, OpenRouter, Groq, DeepSeek, Ollama, LiteLLM. Not covered: unknown names of models, whose
advice is the list of those that are there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from codedance.model.adaptation import Request, named_fields
from codedance.model.connection import EXAMPLE, KEY
from codedance.model.retry import Complaint

_NO_PICTURES = re.compile(
    r"image input is not supported|can only concatenate str \(not \W?list|is not a multimodal model|mmproj|at most 0 image"
    r"|not (?:a )?(?:vision|multimodal)|(?:not|n't) support\w* (?:\w+ ){0,3}(?:images?|vision|multimodal|image_url)"
    r"|support image input|image_url\b.{0,60}(?:not supported|is only supported)"
    r"|unknown variant `?image|(?:images?|vision|multimodal)\b.{0,30}\b(?:is|are) not (?:supported|enabled|available)",
    re.IGNORECASE,
)
_PICTURES_MISSING_STATUSES = {400, 404, 415, 422, 500, 501}
_TOO_MANY = re.compile(
    r"at most \d+ (?:image|picture)|too many (?:images|pictures)|up to \d+ images|number of images"
    r"|(?:max\w*|limit)\b.{0,30}\d+ images"
    r"|images? (?:count|limit)",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(
    r"images?\b.{0,80}(?:exceed|too large|too big|\bMB\b|bytes|larger than)"
    r"|payload too large|entity too large|request.{0,20}too large",
    re.IGNORECASE,
)
_NO_TOOLS = re.compile(
    r"tool[-_ ]call[-_ ]parser|enable-auto-tool-choice|requires? --jinja|tool choice"
    r"|(?:not|n't) support\w* (?:\w+ ){0,3}(?:tools?|functions?|tool_choice)\b"
    r"|\b(?:tools?|functions?|function calling|tool use)\b"
    r" (?:is|are) (?:not|un)|support tool use|tools param requires",
    re.IGNORECASE,
)
_CHECK_URL = f"check the base URL, which mostly ends in /v1 as in {EXAMPLE}, and the name of the model"
_REDIRECTED = "if that server is meant, give its address by --base-url"
_CHANGE = "change the request as the server says (--extra-body and --header send further fields)"
_NO_ROUTE = (
    "no provider of this model does all that is asked: leave out what it may lack (--temperature default, no --record-tokens, "
    "require_parameters in --extra-body), allow more providers in the account's privacy settings, or choose another model"
)
_BY_STATUS = {
    400: _CHANGE,
    401: f"set {KEY} to a key that this server takes",
    402: f"add credit to the account or use another key in {KEY}",
    403: "this key may not use the model; choose another model or key",
    413: "send smaller pictures (--max-image-bytes, --max-pixels) or fewer",
    422: _CHANGE,
}
_FLAGS = {
    "temperature": "--temperature",
    "top_p": "--top-p",
    "seed": "--seed",
    "max_tokens": "--max-tokens",
    "max_completion_tokens": "--max-tokens",
    "detail": "--detail",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """The next step."""

    text: str
    concerns_all: bool = False


def takes_no_pictures(complaint: Complaint, request: Request) -> bool:
    """The model behind it reads text alone; servers say so with any status, 500 included."""
    if complaint.status not in _PICTURES_MISSING_STATUSES or not any(message.pictures for message in request.messages):
        return False
    return _NO_PICTURES.search(complaint.words) is not None


def lacks_tools(complaint: Complaint, request: Request) -> bool:
    """Native tool calls are not served, whatever the status."""
    return "tools" in request.fields and complaint.status != 429 and _NO_TOOLS.search(complaint.words) is not None


def next_step(complaint: Complaint, request: Request | None) -> Advice:
    """What to do about a refusal; `request` is None for one that asked for no reply."""
    if complaint.is_redirect:
        return Advice(_REDIRECTED, concerns_all=True)
    if complaint.is_out_of_credit:
        return Advice(f"add credit to the account or use another key in {KEY}", concerns_all=True)
    if complaint.status in (401, 403) or request is None:
        return Advice(_BY_STATUS.get(complaint.status, _CHECK_URL), concerns_all=complaint.status in (401, 403))
    if takes_no_pictures(complaint, request):
        return Advice(
            "this model takes no pictures; serve it with its vision part (llama.cpp: --mmproj FILE) or choose another model",
            concerns_all=True,
        )
    if lacks_tools(complaint, request):
        return Advice(
            "use --format tool_call or code_tags, or start the server with a parser of tool calls "
            "(vLLM: --enable-auto-tool-choice --tool-call-parser NAME; llama.cpp: --jinja)",
            concerns_all=True,
        )
    words = complaint.words
    if complaint.has_no_route:
        return Advice(_NO_ROUTE, concerns_all=True)
    if _TOO_MANY.search(words):
        return Advice(
            "raise the server's limit (vLLM: --limit-mm-per-prompt '{\"image\": 20}') or lower --turns", concerns_all=True
        )
    if complaint.status == 413 or _TOO_LARGE.search(words):
        return Advice("send smaller pictures: lower --max-image-bytes or --max-pixels")
    if own := sorted(named_fields(complaint, request.chosen)):
        return Advice(f"leave {', '.join(own)} out of --extra-body or give another value", concerns_all=True)
    named = named_fields(complaint, request.fields & _FLAGS.keys())
    if flags := sorted({_FLAGS[name] for name in named}):
        default = "; --temperature default leaves it to the server" if "--temperature" in flags else ""
        return Advice(f"give another value with {', '.join(flags)}{default}", concerns_all=True)
    return Advice(_BY_STATUS.get(complaint.status, _CHECK_URL))
