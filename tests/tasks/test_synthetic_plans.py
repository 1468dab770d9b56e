"""The code of every plan is run: it prints exactly the answer, or shows one picture; also on pictures from elsewhere."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from skimage import data

from codedance import ExecStatus, Sandbox
from codedance.tasks.synthetic import FAMILIES, Ability, Item, Level, Plan, make_item
from codedance.tasks.synthetic.canvas import VIEWS
from codedance.tasks.synthetic.charting import bar_plans, line_plans
from codedance.tasks.synthetic.palette import COLOURS
from codedance.tasks.synthetic.photo import photo_plans

CELLS = [(name, level) for name, family in FAMILIES.items() for level in Level if not family.composite or level is Level.HARD]
NUM_SEEDS = {Level.EASY: 20, Level.HARD: 40}
NUM_FIGURES = 5  # matplotlib takes its time
Box = tuple[float, float, float, float]


class Run:
    """What a plan's code prints and shows on a picture."""

    def __init__(self, code: str, image: Image.Image) -> None:
        self.shown: list[object] = []
        self._image = image
        self._view = image.resize(VIEWS.get(image.size, image.size))
        printed = io.StringIO()
        names = {
            "original_image": image,
            "input_image": self._view,
            "to_original": self._to_original,
            "display": self.shown.append,
        }
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        self.printed = printed.getvalue()

    def _to_original(self, box: Box) -> Box:
        across, down = self._image.width / self._view.width, self._image.height / self._view.height
        left, top, right, bottom = box
        assert 0 <= left < right <= self._view.width and 0 <= top < bottom <= self._view.height
        return math.floor(left * across), math.floor(top * down), math.ceil(right * across), math.ceil(bottom * down)


@pytest.fixture(autouse=True)
def shown_figures(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Image.Image]]:
    """The pictures that plt.show() would have shown."""
    shown: list[Image.Image] = []

    def show() -> None:
        for number in plt.get_fignums():
            shown.append(drawn(plt.figure(number)))
            plt.close(number)

    monkeypatch.setattr(plt, "show", show)
    yield shown


def drawn(figure: Figure) -> Image.Image:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def picture(shown: object) -> Image.Image:
    return shown if isinstance(shown, Image.Image) else Image.fromarray(np.asarray(shown))


@pytest.mark.parametrize(("family", "level"), CELLS)
def test_every_plan_leads_to_exactly_the_answer(family: str, level: Level, shown_figures: list[Image.Image]) -> None:
    for seed in range(NUM_SEEDS[level]):
        item = make_item(family, level, seed)
        for plan in item.plans:
            if "plt" in plan.code and seed >= NUM_FIGURES:
                continue
            shown_figures.clear()
            run = Run(plan.code, item.image)
            if item.ability is Ability.COMPUTATION:
                assert (run.printed, run.shown) == (f"{item.answer}\n", []), (seed, plan.template)
            else:
                assert (run.printed, len(run.shown) + len(shown_figures)) == ("", 1), (seed, plan.template)


@pytest.mark.parametrize("level", Level)
def test_the_highest_bar_that_a_plan_draws_is_clearly_that_of_the_answer(level: Level, shown_figures: list[Image.Image]) -> None:
    for seed in range(NUM_FIGURES):
        item = make_item("histogram", level, seed)
        for plan in item.plans:
            shown_figures.clear()
            shown = [*map(picture, Run(plan.code, item.image).shown), *shown_figures][0]
            pixels = np.array(shown.resize((112, 84))).astype(int)
            heights = {
                name: (abs(pixels - COLOURS[name].rgb) < 60).all(2).sum(0).max() for name in ("red", "green", "blue", "yellow")
            }
            highest, second = sorted(heights.values())[:-3:-1]
            assert max(heights, key=lambda name: heights[name]) == item.answer
            assert highest - second >= 7


def test_the_copy_that_a_plan_draws_has_something_big_in_the_cell_of_the_answer() -> None:
    for seed in range(20):
        item = make_item("grid", Level.HARD, seed)
        colour = next(colour for name, colour in COLOURS.items() if f"the {name} dot" in item.question)
        for plan in item.plans:
            pixels = np.array(picture(Run(plan.code, item.image).shown[0]).resize((90, 90))).astype(int)
            y, x = np.argwhere((abs(pixels - colour.rgb) < 50).all(2)).mean(0)
            assert int(y // 30) * 3 + int(x // 30) + 1 == int(item.answer)


@pytest.mark.parametrize("family", ["digit", "rotate"])
def test_a_crop_of_a_tiny_frame_fills_with_it(family: str) -> None:
    for seed in range(20):
        item = make_item(family, Level.HARD, seed)
        for plan in item.plans:
            crop = picture(Run(plan.code, item.image).shown[0])
            dark = np.array(crop.convert("L")) < 90
            assert crop.size == (112, 112)
            assert dark[30:82, 30:82].sum() > 250, "the digit is in the middle"


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.4, 2.0])
@pytest.mark.parametrize("plan", photo_plans(), ids=lambda plan: plan.template)
def test_the_coins_of_a_real_photograph_are_counted_exactly(plan: Plan, scale: float) -> None:
    coins = Image.fromarray(data.coins()).convert("RGB")
    resized = coins.resize((round(coins.width * scale), round(coins.height * scale)))
    assert Run(plan.code, resized).printed == "24\n"


@pytest.mark.parametrize("dpi", [72, 120])
def test_bars_that_matplotlib_drew_are_read_exactly(dpi: int) -> None:
    values = {"red": 31, "green": 7, "blue": 22, "purple": 38, "orange": 3}
    figure = Figure(dpi=dpi)
    axes = figure.add_subplot(ylim=(0, 40))
    axes.bar(list(values), list(values.values()), color=list(values))
    image = drawn(figure)
    for name, value in values.items():
        for plan in bar_plans([COLOURS[name]], "", 40):
            assert Run(plan.code, image).printed == f"{value}\n", (name, plan.template)
    for plan in bar_plans([COLOURS["red"], COLOURS["green"]], " - ", 40):
        assert Run(plan.code, image).printed == "24\n", plan.template
    for plan in bar_plans([COLOURS["red"], COLOURS["orange"]], " + ", 40):
        assert Run(plan.code, image).printed == "34\n", plan.template


@pytest.mark.parametrize("dpi", [72, 120])
@pytest.mark.parametrize("name", ["red", "green", "blue"])
def test_a_line_that_matplotlib_drew_is_read_exactly(name: str, dpi: int) -> None:
    values = [12, 20, 17, 31, 24, 26]
    figure = Figure(dpi=dpi)
    axes = figure.add_subplot(xlim=(0, 5), ylim=(0, 40))
    axes.plot(range(6), values, color=name, marker="o")
    image = drawn(figure)
    for x in range(1, 5):
        for plan in line_plans(COLOURS[name], x, 5, 40):
            assert Run(plan.code, image).printed == f"{values[x]}\n", (x, plan.template)


async def test_the_sandbox_agrees_for_every_template(box: Sandbox) -> None:
    for name in FAMILIES:
        for item in chosen(name):
            view = item.image.resize(VIEWS[item.image.size])
            async with box.session(images=[view], originals=[item.image]) as session:
                for plan in item.plans:
                    result = await session.run(plan.code)
                    assert result.status is ExecStatus.OK, (name, plan.template, result.error)
                    if item.ability is Ability.COMPUTATION:
                        assert (result.stdout, result.images) == (f"{item.answer}\n", ())
                    else:
                        assert (result.stdout, len(result.images)) == ("", 1)


def chosen(family: str) -> list[Item]:
    """Items that have every template of a family."""
    items = [make_item(family, Level.HARD, seed) for seed in range(20)]
    first = {plan.template: item for item in reversed(items) for plan in item.plans}
    return list({id(item): item for item in first.values()}.values())
