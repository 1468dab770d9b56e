"""ChartQA and CharXiv: questions about charts.

ChartQA has three copies. HuggingFaceM4/ChartQA (parquet), a row; `label` is a list here and a text elsewhere:

    image: {bytes: ..., path: null}    query: "How many food item is shown in the bar graph?"    label: ["14"]
    human_or_machine: 0

lmms-lab/ChartQA (parquet) has type ("human_test"), question, answer and image. The repository's JSON, with pictures in `png/` or
beside it:

    imgname: "41699051005347.png"    query: "How many food item is shown in the bar graph?"    label: "14"

CharXiv (princeton-nlp/CharXiv, parquet), a row, which is asked five questions; the descriptive ones are told by number:

    image: {...}    figure_path: "images/0.jpg"    subplot_loc: "the subplot at row 1 and column 2"
    descriptive_q1: 7    descriptive_a1: "60"    (to 4)    reasoning_q_source: 1    reasoning_a_type: 1
    reasoning_q: "Which model shows a greater decline in accuracy ...?"    reasoning_a: "Joint-CNN"

Its repository has the same in two JSON files: figure_id, query, answer, inst_category; and figure_id, subplot_loc, qids, answers.
The nineteen descriptive questions are worded here, not copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from codedance.errors import DataError
from codedance.tasks.adapters.adapter import adapter
from codedance.tasks.table import Row
from codedance.types import AnswerKey, ImageSource, Rule, Task

_IF_NONE = " If there is none, answer: Not Applicable."
_DESCRIPTIVE = {
    1: "What is its title?",
    2: "What is the label of the x axis?",
    3: "What is the label of the y axis?",
    4: "What is the leftmost labelled tick of the x axis?",
    5: "What is the rightmost labelled tick of the x axis?",
    6: "What is the lowest labelled tick of the y axis?",
    7: "What is the highest labelled tick of the y axis?",
    8: "By how much do neighbouring labelled ticks of the x axis differ?",
    9: "By how much do neighbouring labelled ticks of the y axis differ?",
    10: "How many lines are there?",
    11: "Do any of the lines cross each other? Answer yes or no.",
    12: "How many separate labels does the legend have?",
    13: "What are the labels of the legend, from top to bottom, then from left to right, separated by commas?",
    14: "What is the difference between the largest and the smallest tick of the colour bar?",
    15: "What is the largest tick of the colour bar?",
    16: "Which way does the data go from left to right? Answer in a few words.",
    17: "How many explicitly labelled ticks are there on all axes together?",
    18: "How are the subplots laid out? Answer as n by m, rows first.",
    19: "How many subplots are there?",
}
_OF_WHOLE_FIGURE = (18, 19)
REASONING = {1: "text-in-chart", 2: "text-in-general", 3: "number-in-chart", 4: "number-in-general"}
"""CharXiv's kinds of reasoning answers."""


def _chartqa(row: Row, seed: int) -> Iterator[Task]:
    question = row.text("query" if row.has("query") else "question")
    name = "label" if row.has("label") else "answer"
    labels = row.texts(name) if isinstance(row.values.get(name), list) else (row.text(name),)
    if len(labels) != 1 or not labels[0].strip():
        raise row.error(name, "one answer")
    kind = row.optional("type") or ("augmented_test" if row.optional("human_or_machine") == "1" else "human_test")
    image: ImageSource = row.picture("image") if row.has("image") else _named(row, "imgname", ("png", "images"))
    group = row.optional("imgname")
    key = AnswerKey(rule=Rule.CHARTQA, group=group)
    yield Task(
        id=row.id(), question=question, images=(image,), answer=labels[0], source="chartqa",
        category=kind if row.has("type") or row.has("human_or_machine") else row.optional("src"), key=key,
    )  # fmt: skip


def _charxiv(row: Row, seed: int) -> Iterator[Task]:
    image, figure = row.picture("image"), row.id("original_id") if row.has("original_id") else row.id("figure_path")
    for number in (1, 2, 3, 4):
        if row.has(f"descriptive_q{number}"):
            kind = row.number(f"descriptive_q{number}")
            where = row.optional("subplot_loc")
            yield _described(row, figure, image, number, kind, where, row.text(f"descriptive_a{number}"))
    yield _reasoned(row, figure, image, row.text("reasoning_q"), row.text("reasoning_a"), row.number("reasoning_a_type"))


def _charxiv_reasoning(row: Row, seed: int) -> Iterator[Task]:
    figure = row.text("figure_id")
    image = row.fetched(figure)
    yield _reasoned(row, figure, image, row.text("query"), row.text("answer"), row.number("inst_category"))


def _charxiv_descriptive(row: Row, seed: int) -> Iterator[Task]:
    figure, answers, kinds = row.text("figure_id"), row.texts("answers"), row.texts("qids")
    if len(answers) != len(kinds):
        raise row.error("answers", f"{len(kinds)} answers, one for each of qids")
    image = row.fetched(figure)
    place = row.texts("subplot_loc") if isinstance(row.values.get("subplot_loc"), list) else ()
    where = f"the subplot at row {place[0]} and column {place[1]}" if len(place) == 2 and any(n != "0" for n in place) else ""
    for number, (kind, answer) in enumerate(zip(kinds, answers, strict=True), start=1):
        yield _described(row, figure, image, number, int(kind) if kind.isdigit() else 0, where, answer)


def _described(row: Row, figure: str, image: ImageSource, number: int, kind: int, where: str, answer: str) -> Task:
    if kind not in _DESCRIPTIVE:
        raise DataError(f"{row.where}: {kind} is no descriptive question; they are 1 to {max(_DESCRIPTIVE)}")
    spot = "the whole figure" if kind in _OF_WHOLE_FIGURE else where or "the plot"
    return Task(
        id=f"{figure}/descriptive-{number}",
        question=f"Look at {spot}. {_DESCRIPTIVE[kind]}{_IF_NONE}",
        images=(image,),
        answer=answer,
        source="charxiv",
        category="descriptive",
        key=AnswerKey(rule=Rule.JUDGED, group=figure, part=f"descriptive {kind}"),
    )


def _reasoned(row: Row, figure: str, image: ImageSource, question: str, answer: str, kind: int) -> Task:
    if kind not in REASONING:
        raise DataError(f"{row.where}: {kind} is no kind of reasoning answer; they are 1 to {max(REASONING)}")
    key = AnswerKey(rule=Rule.JUDGED, group=figure, part=REASONING[kind])
    return Task(
        id=f"{figure}/reasoning",
        question=question,
        images=(image,),
        answer=answer,
        source="charxiv",
        category="reasoning",
        key=key,
    )


def _named(row: Row, name: str, folders: tuple[str, ...]) -> Path | bytes:
    """A picture by its name, beside the file or in one of these folders."""
    for folder in folders:
        try:
            return row.in_folder(folder, row.text(name))
        except DataError:
            continue
    return row.picture(name)


ADAPTERS = (
    adapter("chartqa", "query label", _chartqa),
    adapter("chartqa-lmms", "type question answer image", _chartqa),
    adapter("charxiv", "image reasoning_q reasoning_a descriptive_q1", _charxiv),
    adapter("charxiv-reasoning", "figure_id query answer inst_category", _charxiv_reasoning),
    adapter("charxiv-descriptive", "figure_id qids answers", _charxiv_descriptive),
)
