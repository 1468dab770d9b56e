"""The parquet that reinforcement-learning trainers read, as CodeDance released it and as `codedance tasks make` writes it.

A row; instead of `images` there may be one `image` or none, instead of `reward_model` an `answer`, `prompt` may be one text, and
`ground_truth` a list of answers any of which is right:

    data_source: "chart"    ability: "chart"    images: [{bytes: ..., path: "chartqa/1.png"}]
    prompt: [{role: "system", content: "You are ..."}, {role: "user", content: "<image>Which two countries are compared?"}]
    reward_model: {style: "rule", ground_truth: "[Cape Verde, United Kingdom]"}
    extra_info: {split: "dev", index: 0, answer: "...", question: "...", need_tools_kwargs: true, tools_kwargs: {...}}

The rule follows from `data_source`; for one that is not known it has to be named. The row's own system prompt goes with the task.
"""

from __future__ import annotations

from collections.abc import Iterator

from codedance.errors import DataError
from codedance.image_marks import has_image_marks, without_image_marks
from codedance.tasks.adapters import answers
from codedance.tasks.adapters.adapter import Reading, adapter, is_letter, options_in, sign
from codedance.tasks.table import Row
from codedance.types import AnswerKey, Rule, Task

_RULES = {
    "chart": Rule.CHARTQA,
    "chartqa": Rule.CHARTQA,
    "count": Rule.PIXMO,
    "countbench": Rule.COUNTBENCHQA,
    "pixmocount": Rule.PIXMO,
    "vstar": Rule.VSTAR,
    "hrbench": Rule.CHOICE,
    "vl_agent": Rule.CHOICE,
    "charxiv": Rule.JUDGED,
    "geometry3k": Rule.MATHS,
    "gsm8k": Rule.MATHS,
    "thinklite_eureka": Rule.MATHS,
    "xince": Rule.MATHS,
    "synthetic": Rule.EXACT,
}
_LETTERED = (Rule.VSTAR, Rule.CHOICE)


def _rl(row: Row, reading: Reading) -> Iterator[Task]:
    source = row.text("data_source")
    parts = source.casefold().split("/")
    rule = next((_RULES[name] for name in (parts[0], parts[-1]) if name in _RULES), reading.rule)
    if rule is None:
        raise DataError(
            f"{row.where}: data_source is {source!r}; the known ones are {', '.join(_RULES)}; "
            f"name the rule of the others with --rule (rule of [questions] in a recipe), one of {', '.join(Rule)}"
        )
    system, question = _prompt(row)
    extra = row.part("extra_info") if row.has("extra_info") else row
    known = _known(row, rule)
    choices, lone = options_in(question), known[0].isalpha() and len(known[0]) == 1
    if rule in _LETTERED and not lone and known[0] not in choices:
        rule = Rule.JUDGED  # the same sources have free answers as well
    elif rule is Rule.MATHS and is_letter(known[0], len(choices)):
        rule = Rule.CHOICE
    images = row.pictures(name) if (name := row.first("images", "image")) else ()
    if not images and has_image_marks(str(row.values["prompt"])):
        raise row.error(
            "images" if "images" in row.values else "image", "a list with one picture at least, as <image> is in the prompt"
        )
    yield Task(
        id=extra.text("id") if extra.has("id") else row.id(),
        question=question,
        images=images,
        answer=known[0],
        source=source,
        category=extra.optional("category") or row.optional("ability"),
        key=AnswerKey(rule=rule, choices=choices, group=extra.optional("group_id"), alternatives=known[1:]),
        system=system,
    )


def _known(row: Row, rule: Rule) -> tuple[str, ...]:
    inside, name = (row.part("reward_model"), "ground_truth") if row.has("reward_model") else (row, "answer")
    known = tuple(text.strip() for text in answers.references(inside, name, rule=rule))
    if not all(known) or not known:
        raise inside.error(name, "a text that is not empty, or a list of texts any of which is right")
    return known


def _prompt(row: Row) -> tuple[str, str]:
    """The system prompt and the question."""
    messages = row.values.get("prompt")
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        raise row.error("prompt", "a text, or messages with role and content")
    said = {str(one.get("role")): _words(row, one.get("content")) for one in messages}
    question = without_image_marks(said.get("user", ""))
    if not question:
        raise row.error("prompt", "messages with a question of the user")
    return said.get("system", ""), question


def _words(row: Row, content: object) -> str:
    """The text of a message, which may come in parts, among pictures."""
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") in (None, "text")]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise row.error("prompt", "a text, or messages with role and content")
    return "\n".join(map(str, texts))


ADAPTERS = (adapter("rl", _rl, sign("data_source prompt")),)
