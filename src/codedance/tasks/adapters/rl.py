"""The parquet that reinforcement-learning trainers read, as CodeDance released it and as `codedance tasks make` writes it.

A row; instead of `images` there may be one `image`, instead of `reward_model` an `answer`, and `prompt` may be one text:

    data_source: "chart"    ability: "chart"    images: [{bytes: ..., path: "chartqa/1.png"}]
    prompt: [{role: "system", content: "You are ..."}, {role: "user", content: "<image>Which two countries are compared?"}]
    reward_model: {style: "rule", ground_truth: "[Cape Verde, United Kingdom]"}
    extra_info: {split: "dev", index: 0, answer: "...", question: "...", need_tools_kwargs: true, tools_kwargs: {...}}

The rule follows from `data_source`; one that is not known is refused. The row's own system prompt goes with the task.
"""

from __future__ import annotations

from collections.abc import Iterator

from codedance.errors import DataError
from codedance.tasks.adapters.adapter import adapter, options_in
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
    "thinklite_eureka": Rule.MATHS,
    "xince": Rule.MATHS,
    "synthetic": Rule.EXACT,
}
_LETTERED = (Rule.VSTAR, Rule.CHOICE)


def _rl(row: Row, seed: int) -> Iterator[Task]:
    source = row.text("data_source")
    rule = _RULES.get(source.partition("/")[0].casefold())
    if rule is None:
        raise DataError(f"{row.where}: data_source is {source!r}; the known ones are {', '.join(_RULES)}")
    system, question = _prompt(row)
    extra = row.part("extra_info") if row.has("extra_info") else row
    answer = row.part("reward_model").text("ground_truth") if row.has("reward_model") else row.text("answer")
    choices, is_letter = options_in(question), len(answer.strip()) == 1 and answer.strip().isalpha()
    if rule in _LETTERED and not is_letter and answer not in choices:
        rule = Rule.JUDGED  # the same sources have free answers as well
    elif rule is Rule.MATHS and is_letter and choices:
        rule = Rule.CHOICE
    yield Task(
        id=extra.text("id") if extra.has("id") else row.id(),
        question=question,
        images=row.pictures("images" if "images" in row.values else "image"),
        answer=answer.strip(),
        source=source,
        category=extra.optional("category") or row.optional("ability"),
        key=AnswerKey(rule=rule, choices=choices, group=extra.optional("group_id")),
        system=system,
    )


def _prompt(row: Row) -> tuple[str, str]:
    """The system prompt and the question."""
    messages = row.values.get("prompt")
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    if not isinstance(messages, list) or not all(
        isinstance(one, dict) and isinstance(one.get("content"), str) for one in messages
    ):
        raise row.error("prompt", "a text, or messages with role and content")
    said = {one.get("role"): one["content"] for one in messages}
    question = str(said.get("user", "")).replace("<image>", "").strip()
    if not question:
        raise row.error("prompt", "messages with a question of the user")
    return str(said.get("system", "")), question


ADAPTERS = (
    adapter("rl", "data_source prompt images", _rl),
    adapter("rl-image", "data_source prompt image", _rl),
)
