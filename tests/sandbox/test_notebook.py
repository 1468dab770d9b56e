"""Habits of notebooks and of the sandboxes in which models were trained work in a cell."""

from __future__ import annotations

import pytest
from PIL import Image

from codedance import Sandbox

PATH = "True /session/work/input_image.jpg\n"
CROPS = "a, b = input_image.crop((0, 0, 60, 48)), input_image.crop((4, 0, 64, 48))\n"


@pytest.mark.parametrize(
    ("code", "num_pictures", "stdout"),
    [
        ("[a, b]", 2, ""),
        ("a, b", 2, ""),
        ("display([a, [b, 'text']])", 2, "'text'\n"),
        ("{'left': a, 'n': 3}", 1, "left:\nn: 3\n"),
        ("[np.array(a), np.array(b)]", 2, ""),
        ("np.stack([np.array(a), np.array(b)])", 2, ""),
        ("(3, cv2.threshold(np.array(a.convert('L')), 99, 255, 0)[1])", 1, "3\n"),
        ("[1, 2]", 0, "[1, 2]\n"),
        ("a;", 0, ""),
        ("a.save('a.png')\nfrom IPython.display import Image as I, display as d\nd(I(filename='a.png'), I('a.png'))", 2, ""),
        ("from IPython.display import Image as I\na.save('a.png')\nI(data=open('a.png', 'rb').read())", 1, ""),
        ("from IPython.display import Markdown, clear_output\nclear_output(wait=True)\ndisplay(Markdown('x'))", 0, "x\n"),
        ("from IPython import get_ipython as g\ng().run_line_magic('matplotlib', 'inline')\nget_ipython().magic('x')", 0, ""),
        ("from google.colab.patches import cv2_imshow\ncv2_imshow(cv2.imread('input_image.jpg'))", 1, ""),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 3\nprint(await f())\nawait f()", 0, "3\n3\n"),
        ("open('m.py', 'w').write('x = 5')\nimport m\nprint(m.x, reduce(max, [1, 2]), [true, null])", 0, "5 2 [True, None]\n"),
        ("async def f():\n    await asyncio.sleep(0)\n    return threading.active_count()\nprint(await f())", 0, "1\n"),
        ("df = pd.DataFrame({'a': [1, 2]})\nprint(df.a.sum())", 0, "3\n"),
        ("print(image_1.size == image_clue_0.size == Image.open(image_path).size, input_image_path)", 0, PATH),
        ("def f(x: List[int]) -> Dict: return Counter(x)\nprint(f([1, 1]), defaultdict(int)[3])", 0, "Counter({1: 2}) 0\n"),
    ],
)  # fmt: skip
async def test_a_habit_works(box: Sandbox, picture: Image.Image, code: str, num_pictures: int, stdout: str) -> None:
    async with box.session([picture]) as session:
        result = await session.run(CROPS + code)
        assert (len(result.images), result.stdout, result.error) == (num_pictures, stdout, None), result.stderr


@pytest.mark.parametrize(
    ("code", "num_pictures", "note"),
    [
        ("plt.plot([1, 2])\nplt.show()\nplt.savefig('a.png')", 1, "has nothing in it"),
        ("plt.savefig('a.png')\nplt.plot([1, 2])", 1, "has nothing in it"),
        ("plt.figtext(0.5, 0.5, 'alone')", 1, None),
        ("plt.show()", 0, "no figure to show"),
        ("a.show()\nplt.show()", 1, None),
        ("while cv2.waitKey(1) & 0xFF != ord('q'):\n    cv2.imshow('w', np.array(a.convert('L')))", 1, "press a key"),
        ("while cv2.waitKey(20) != 27:\n    pass", 0, "press a key"),
        ("for p in (a, b, a):\n    cv2.imshow('w', np.array(p.convert('L')))\n    if cv2.waitKey(0) == ord('q'): break", 3, None),
        ("cv2.createTrackbar('t', 'w', 0, 9, print)\ncv2.setMouseCallback('w', print)\ncv2.setWindowTitle('w', 't')", 0, None),
    ],
)  # fmt: skip
async def test_windows_and_figures_are_as_without_a_screen(
    box: Sandbox, picture: Image.Image, code: str, num_pictures: int, note: str | None
) -> None:
    async with box.session([picture]) as session:
        result = await session.run(CROPS + code)
        assert (len(result.images), result.error, result.stderr) == (num_pictures, None, "")
        told = [text for text in result.notes if "enlarged" not in text]
        assert [note in text for text in told] == [True] if note else not told, told


async def test_a_figure_shown_in_an_earlier_cell_is_told_of(box: Sandbox) -> None:
    async with box.session() as session:
        await session.run("fig, ax = plt.subplots()\nax.plot([1, 2])")
        again = await session.run("ax.set_title('late')\nplt.show()")
        assert not again.images and "display(figure)" in again.notes[0]
        assert len((await session.run("display(fig)")).images) == 1


async def test_nobody_selects_a_region(box: Sandbox) -> None:
    async with box.session() as session:
        result = await session.run("cv2.selectROI('w', np.zeros((50, 50), np.uint8))")
        assert "write the box into the code" in result.error.message


async def test_modules_that_stand_for_others_can_be_asked_for(box: Sandbox) -> None:
    async with box.session() as session:
        names = ["IPython", "IPython.display", "google.colab", "scipy.misc"]
        result = await session.run(f"import importlib.util\nprint([importlib.util.find_spec(n) is not None for n in {names}])")
        assert (result.stdout, result.error) == ("[True, True, True, True]\n", None)


async def test_libraries_are_told_that_the_hub_is_out_of_reach(box: Sandbox) -> None:
    async with box.session() as session:
        assert (await session.run("print(os.environ['HF_HUB_OFFLINE'])")).stdout == "1\n"


async def test_names_of_the_cell_win_over_the_usual_ones_and_survive_a_rebuild(box: Sandbox, picture: Image.Image) -> None:
    async with box.session([picture]) as session:
        await session.run("math, image_1 = 5, 6")
        await session.run("import os; os._exit(1)")
        assert (await session.run("print(math, image_1, np.pi > 3)")).stdout == "5 6 True\n"


@pytest.mark.parametrize(
    ("code", "stdout", "note"),
    [
        ("w = 3\n    print(w)\n    print(4)", "3\n4\n", "indentation"),
        ("    w = 3\nprint(w)", "3\n", "indentation"),
        ("# a comment\n    w = 3\n    print(w)", "3\n", "indentation"),
        ("if 3 &gt; 2 &amp;&amp; True:\n    print(1)".replace(" &amp;&amp; True", ""), "1\n", "HTML entities"),
        ("print(&quot;a &lt; b&quot;)", "a < b\n", "HTML entities"),
        ("w = 3\\nprint(w)", "3\n", "line breaks"),
        ('print(\\"a\\")\\nprint(1)', "a\n1\n", "line breaks"),
        ("print(1， 2)；print（3）", "1 2\n3\n", "full-width"),
        ("print(“a, ‘b’”)", "a, 'b'\n", "curly quotes"),
        ("for i in range(2):\n\u00a0\u00a0\u00a0\u00a0print(i)", "0\n1\n", "spaces"),
        ("\ufeffprint(1)\u200b", "1\n", "invisible"),
        ("```python\nprint(1)\n```", "1\n", "fences"),
        (">>> x = 1\n>>> print(x)", "1\n", "prompts"),
        ("python\nprint(1)", "1\n", "label"),
        ("%matplotlib inline\nprint(1)", "1\n", "%matplotlib inline"),
        ("%%time\nprint(1)", "1\n", "%%time"),
        ("%time print(1)", "1\n", "%time"),
        ("x = 5\nx?\nprint(x)", "5\n", "x?"),
        ("!pip install pytesseract -q\nif True:\n    !ls\nprint(1)", "1\n", "no network"),
        ("files = !ls\nprint(files)", "[]\n", "no shell"),
        ("print(“x”， 1)\n    print(‘y’)", "x 1\ny\n", "indentation"),
    ],
)  # fmt: skip
async def test_a_mechanical_slip_is_mended_and_said(box: Sandbox, code: str, stdout: str, note: str) -> None:
    async with box.session() as session:
        result = await session.run(code)
        assert (result.stdout, result.error) == (stdout, None)
        assert any(note in text for text in result.notes), result.notes


@pytest.mark.parametrize(
    ("code", "stdout"),
    [
        ("print('&lt; “x”， \\\\n %time')", "&lt; “x”， \\n %time\n"),
        ("python = 3\nprint(python)", "3\n"),
        ("x = 7\nprint(x\n%4)", "3\n"),
        ("print(1)\n'''\n!ls\n'''", "1\n'\\n!ls\\n'\n"),
    ],
)  # fmt: skip
async def test_code_that_compiles_is_never_changed(box: Sandbox, code: str, stdout: str) -> None:
    async with box.session() as session:
        result = await session.run(code)
        assert (result.stdout, result.notes) == (stdout, ())


async def test_what_cannot_be_mended_is_reported_as_it_was_written(box: Sandbox) -> None:
    async with box.session() as session:
        result = await session.run("x = (1\nprint(x)")
        assert (result.error.type, result.error.line, result.notes) == ("SyntaxError", 1, ())
        lines = await session.run("x = 1\n    print(x)\n    1 / 0")
        assert (lines.error.type, lines.error.line) == ("ZeroDivisionError", 3)
