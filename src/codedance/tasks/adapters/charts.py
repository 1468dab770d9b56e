"""ChartQA and CharXiv: questions about charts.

ChartQA has four copies. HuggingFaceM4/ChartQA (parquet), a row; `label` is a list here and a text elsewhere:

    image: {bytes: ..., path: null}    query: "How many food item is shown in the bar graph?"    label: ["14"]
    human_or_machine: 0

lmms-lab/ChartQA (parquet) has type ("human_test"), question, answer and image; VLMEvalKit's ChartQA_TEST.tsv has split
("test_human") in place of type. The repository's JSON, with pictures in `png/` or beside it:

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
from codedance.tasks.adapters import answers
from codedance.tasks.adapters.adapter import Reading, adapter, sign
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
_OPTIONS = "A B options choices"
_HALVES = {"test_human": "human_test", "test_augmented": "augmented_test"}
_OF_WHOLE_FIGURE = (18, 19)
REASONING = {1: "text-in-chart", 2: "text-in-general", 3: "number-in-chart", 4: "number-in-general"}
"""CharXiv's kinds of reasoning answers."""


def _chartqa(row: Row, reading: Reading) -> Iterator[Task]:
    question = row.text("query" if row.has("query") else "question")
    name = "label" if row.has("label") else "answer"
    labels = answers.references(row, name, rule=Rule.CHARTQA)
    if not labels or not labels[0].strip():
        raise row.error(name, "one answer")
    kind = row.label("type", "split") or ("augmented_test" if row.optional("human_or_machine") == "1" else "human_test")
    image: ImageSource = row.picture("image") if row.has("image") else _named(row, "imgname", ("png", "images"))
    group = row.optional("imgname")
    is_told = row.first("type", "split", "human_or_machine")
    yield Task(
        id=row.id("id" if row.has("id") else "index"),
        question=question,
        images=(image,),
        answer=labels[0],
        source="chartqa",
        category=_HALVES.get(kind, kind) if is_told else row.label("src"),
        key=AnswerKey(rule=Rule.CHARTQA, group=group, alternatives=labels[1:]),
    )


def _charxiv(row: Row, reading: Reading) -> Iterator[Task]:
    image, figure = row.picture("image"), row.id("original_id") if row.has("original_id") else row.id("figure_path")
    for number in (1, 2, 3, 4):
        if row.has(f"descriptive_q{number}"):
            kind = row.number(f"descriptive_q{number}")
            where = row.optional("subplot_loc")
            yield _described(row, figure, image, number, kind, where, row.optional(f"descriptive_a{number}"))
    kind = row.number("reasoning_a_type") if row.has("reasoning_a_type") else 0
    yield _reasoned(row, figure, image, row.text("reasoning_q"), row.optional("reasoning_a"), kind)


def _charxiv_reasoning(row: Row, reading: Reading) -> Iterator[Task]:
    figure = row.text("figure_id")
    image = row.fetched(figure)
    yield _reasoned(row, figure, image, row.text("query"), row.text("answer"), row.number("inst_category"))


def _charxiv_descriptive(row: Row, reading: Reading) -> Iterator[Task]:
    figure, answers, kinds = row.text("figure_id"), row.texts("answers"), row.texts("qids")
    if len(answers) != len(kinds):
        raise row.error("answers", f"{len(kinds)} answers, one for each of qids")
    image = row.fetched(figure)
    place = row.texts("subplot_loc") if isinstance(row.values.get("subplot_loc"), list) else ()
    where = f"the subplot at row {place[0]} and column {place[1]}" if len(place) == 2 and any(n != "0" for n in place) else ""
    for number, (kind, answer) in enumerate(zip(kinds, answers, strict=True), start=1):
        yield _described(row, figure, image, number, int(kind) if kind.isdecimal() and len(kind) <= 2 else 0, where, answer)


def _described(row: Row, figure: str, image: ImageSource, number: int, kind: int, where: str, answer: str) -> Task:
    if kind not in _DESCRIPTIVE:
        raise DataError(f"{row.where}: {kind} is no descriptive question; they are 1 to {max(_DESCRIPTIVE)}")
    spot = "the whole figure" if kind in _OF_WHOLE_FIGURE else where or "the plot"
    return Task(
        id=f"{figure}/descriptive-{number}",
        question=f"Look at {spot}. {_DESCRIPTIVE[kind]}{_IF_NONE}",
        images=(image,),
        answer=answer or None,
        source="charxiv",
        category="descriptive",
        key=AnswerKey(rule=Rule.JUDGED, group=figure, part=f"descriptive {kind}"),
    )


def _reasoned(row: Row, figure: str, image: ImageSource, question: str, answer: str, kind: int) -> Task:
    if answer and kind not in REASONING:
        raise DataError(f"{row.where}: {kind} is no kind of reasoning answer; they are 1 to {max(REASONING)}")
    key = AnswerKey(rule=Rule.JUDGED, group=figure, part=REASONING.get(kind, ""))
    return Task(
        id=f"{figure}/reasoning",
        question=question,
        images=(image,),
        answer=answer or None,
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


def _names_a_half(row: Row) -> bool:
    """The value tells ChartQA's halves apart; columns called `type` and `split` are in many data sets."""
    return {row.label("type"), row.label("split")} & {*_HALVES, *_HALVES.values()} != set()


ADAPTERS = (
    adapter(
        "chartqa",
        _chartqa,
        *(sign(f"query label {told}", without=_OPTIONS) for told in ("human_or_machine", "imgname", "image")),
        *(sign(f"{half} question answer image", without=_OPTIONS, holds=_names_a_half) for half in ("type", "split")),
    ),
    adapter("charxiv", _charxiv, sign("image reasoning_q descriptive_q1")),
    adapter("charxiv-reasoning", _charxiv_reasoning, sign("figure_id query answer inst_category")),
    adapter("charxiv-descriptive", _charxiv_descriptive, sign("figure_id qids answers")),
)
