"""Made questions: the same every time, fair to both levels, and quick to make."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from codedance import ConfigError
from codedance.images import PixelRule, Size, fit
from codedance.tasks.synthetic import FAMILIES, Item, Level, make_item, make_items, to_task
from codedance.tasks.synthetic.canvas import VIEWS
from codedance.tasks.synthetic.palette import COLOURS, TOLERANCE
from speed import costs_at_most

SMALL = PixelRule(step=28, least=4 * 28 * 28, most=16 * 28 * 28)
TRAINED = [name for name, family in FAMILIES.items() if not family.composite]
CELLS = [(name, level) for name in FAMILIES for level in Level if name in TRAINED or level is Level.HARD]
ONLY_HARD = ("half", "higher", "sum of")  # one bar alone, or a few big objects, do not allow these
PRINT_DIGEST = """
import hashlib
from codedance.tasks.synthetic import FAMILIES, Level, make_item
digest = hashlib.sha256()
for name in reversed(FAMILIES):
    item = make_item(name, Level.HARD, 3)
    told = repr((item.question, item.answer, item.look, item.plans)).encode()
    digest.update(hashlib.sha256(item.image.tobytes() + told).digest())
print(digest.hexdigest())
"""


def content(item: Item) -> bytes:
    told = repr((item.question, item.answer, item.look, item.plans)).encode()
    return hashlib.sha256(item.image.tobytes() + told).digest()


def test_another_process_and_another_order_give_the_same_bytes() -> None:
    items = {name: content(make_item(name, Level.HARD, 3)) for name in FAMILIES}
    here = hashlib.sha256(b"".join(items[name] for name in reversed(FAMILIES))).hexdigest()
    there = subprocess.run([sys.executable, "-c", PRINT_DIGEST], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


@pytest.mark.parametrize(("family", "level"), CELLS)
def test_different_seeds_give_different_items(family: str, level: Level) -> None:
    assert len({content(make_item(family, level, seed)) for seed in range(20)}) == 20


@pytest.mark.parametrize("family", TRAINED)
def test_the_wording_does_not_tell_easy_from_hard(family: str) -> None:
    easy, hard = ({wording(make_item(family, level, seed).question) for seed in range(80)} for level in Level)
    assert len(easy) >= 2
    assert easy == {text for text in hard if not any(words in text for words in ONLY_HARD)}


def wording(question: str) -> str:
    """The question without its values."""
    without = re.sub(r"\d+", "NUMBER", question)
    return re.sub(rf"(?i)\b({'|'.join(COLOURS)}|objects|coins|stones|grains|cells(?! of))\b", "NAME", without)


@pytest.mark.parametrize("family", TRAINED)
def test_easy_answers_are_few_and_none_is_a_good_guess(family: str) -> None:
    answers = Counter(make_item(family, Level.EASY, seed).answer for seed in range(200))
    assert answers.most_common(1)[0][1] < 0.45 * 200
    assert len(answers) <= 4 or family in ("digit", "rotate", "grid"), "what a crop or a copy shows has as many answers"


@pytest.mark.parametrize(("family", "level"), CELLS)
def test_no_thought_gives_the_answer_away(family: str, level: Level) -> None:
    for seed in range(40):
        item = make_item(family, level, seed)
        told = [item.look, *(plan.thought for plan in item.plans), *(plan.conclusion for plan in item.plans)]
        assert not [text for text in told if item.answer in text.lower()]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_several_templates_of_short_code(family: str) -> None:
    plans = [plan for seed in range(40) for plan in make_item(family, Level.HARD, seed).plans]
    assert len({plan.template for plan in plans}) >= 2
    assert max(len(plan.code) for plan in plans) <= 500
    assert not [plan for plan in plans if plan.code != plan.code.strip()]


@pytest.mark.parametrize(
    "most_ms",
    [pytest.param(2.0, marks=pytest.mark.slow, id="two"), pytest.param(10.0, id="ten, while other tests run")],
)
@pytest.mark.parametrize(("family", "level"), CELLS)
def test_an_item_takes_at_most_so_many_milliseconds(family: str, level: Level, most_ms: float) -> None:
    def forty() -> None:
        for seed in range(40):
            make_item(family, level, seed)

    forty()  # makes the axes, glyphs and textures that these items share
    assert costs_at_most(40 * most_ms / 1000, forty)


def test_pictures_have_the_sizes_whose_views_are_known() -> None:
    sizes = Counter(make_item("count", Level.EASY, seed).image.size for seed in range(200))
    assert set(sizes) == set(VIEWS)
    assert 0.6 < sizes[336, 336] / 200 < 0.8
    assert {size: fit(Size(*size), SMALL).size for size in VIEWS} == VIEWS


def test_every_pair_of_colours_is_told_apart_by_the_tolerance() -> None:
    values = [np.array(colour.rgb) for colour in COLOURS.values()]
    apart = min(abs(a - b).max() for i, a in enumerate(values) for b in values[:i])
    assert apart > TOLERANCE + 6, "a painted colour is off by up to 6"


def test_a_stream_is_balanced_and_another_seed_gives_other_items() -> None:
    items = list(make_items(["count", "digit", "count_half"], list(Level), count=50, seed=1))
    cells = Counter((item.family, item.level) for item in items)
    assert cells == {(name, level): 10 for name, level in CELLS if name in ("count", "digit", "count_half")}
    others = make_items(["count", "digit", "count_half"], list(Level), count=50, seed=2)
    assert not {content(item) for item in items} & {content(item) for item in others}


def test_a_task_names_its_cell_and_keeps_the_plans_out() -> None:
    item = make_item("bar", Level.EASY, 5)
    task = to_task(item, "bar-5")
    assert (task.id, task.question, task.answer, task.source) == ("bar-5", item.question, item.answer, "synthetic")
    assert (task.category, task.images) == ("bar/easy", (item.image,))


def test_unknown_families_and_missing_levels_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="no family 'cuont'; the families are count, "):
        make_item("cuont", Level.EASY, 1)
    with pytest.raises(ConfigError, match="'count_half' has no easy items"):
        make_item("count_half", Level.EASY, 1)
    with pytest.raises(ConfigError, match="no family 'cuont'"):
        next(make_items(["cuont"], [Level.EASY], 1, 1))
    with pytest.raises(ConfigError, match=r"\['count_half'\] has items of level \['easy'\]"):
        next(make_items(["count_half"], [Level.EASY], 1, 1))
