"""Code as models of 2023 to 2025 write it runs with the installed libraries, and every stand-in is told."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image

from codedance import Limits, Sandbox, Session
from sandbox.model_calls import CALLS, PREPARE, cell

follows_numpy_1 = hasattr(np, "_set_promotion_state")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def session() -> AsyncIterator[Session]:
    """One for all calls: libraries are imported once. Its picture has shapes, so that contours and lines are found."""
    async with Sandbox(Limits(time_s=60, memory_mb=2048), require=0, slots=1, pool=1) as box, box.session([shapes()]) as session:
        assert (await session.run(PREPARE)).ok
        yield session


def shapes() -> Image.Image:
    from PIL import ImageDraw

    image = Image.new("RGB", (320, 240), "white")
    draw = ImageDraw.Draw(image)
    for x in range(5):
        draw.ellipse((20 + 55 * x, 30, 55 + 55 * x, 65), fill=("red", "green", "blue", "orange", "black")[x])
    draw.polygon([(30, 100), (100, 100), (65, 160)], fill="black")
    for y in (175, 190, 205):
        draw.line((20, y, 300, y), fill="black", width=3)
    return image


@pytest.mark.parametrize("library", CALLS)
async def test_calls_of_models_run(session: Session, library: str) -> None:
    result = await session.run(cell(CALLS[library]))
    assert result.error is None
    failed = [line for line in result.stdout.splitlines() if " -> " in line]
    if not follows_numpy_1:
        failed = [line for line in failed if "pixel" not in line and "300" not in line and "256" not in line]
    assert failed == []


def test_the_list_of_calls_is_long_and_valid() -> None:
    calls = [line for text in CALLS.values() for line in text.strip().splitlines()]
    assert len(calls) >= 150
    for call in calls:
        ast.parse(call)


@pytest.mark.parametrize(
    ("code", "note"),
    [
        ("np.product([1, 2])", "np.product was removed from NumPy; np.prod was used"),
        ("np.trapz([1, 2])", "np.trapz is deprecated in NumPy; np.trapezoid replaces it"),
        ("from numpy import alltrue", "np.alltrue was removed from NumPy; np.all was used"),
        ("Image.ANTIALIAS", "Image.ANTIALIAS was removed from Pillow; Image.LANCZOS was used"),
        ("draw.textsize('a')", "ImageDraw.textsize was removed from Pillow; ImageDraw.textbbox was used"),
        ("_, c, h = cv2.findContours(mask, 0, 2)", "the image was put in front as in OpenCV 3"),
        ("cv2.CV_AA", "cv2.CV_AA was removed from OpenCV; cv2.LINE_AA was used"),
        ("plt.hist([1], normed=True)", "hist(normed=...) was removed from Matplotlib; density=True was used"),
        ("plt.style.use('seaborn')", "'seaborn-v0_8' was used"),
        ("frame.append(frame)", "DataFrame.append was removed from pandas; pd.concat was used"),
        ("frame.mean()", "mean(numeric_only=True) was used"),
        ("frame.drop('value', 1)", "drop() takes axis by name only in this pandas"),
        ("from skimage.measure import compare_ssim", "skimage.metrics.structural_similarity was used"),
        (
            "skimage.filters.gaussian(array, multichannel=True)",
            "gaussian(multichannel=...) was removed from scikit-image; channel_axis=-1 was used",
        ),
        (
            "import scipy.misc; scipy.misc.imresize(grey, 50)",
            "scipy.misc.imresize was removed from SciPy; PIL.Image.resize was used",
        ),
        ("cv2.putText(grey, '\u4e2d', (1, 9), 0, 1, 0)", "cv2.putText can only draw ASCII"),
    ],
)
async def test_each_stand_in_is_told_once_a_cell(session: Session, code: str, note: str) -> None:
    for _ in range(2):
        result = await session.run(f"{code}\n{code};")
        assert result.error is None
        assert [note in each for each in result.notes] == [True]


async def test_what_the_docs_list_is_given_back_with_a_note(session: Session) -> None:
    page = (Path(__file__).parents[2] / "docs/sandbox.md").read_text()
    table = page.partition("| library | given back |")[2].partition("\n\n")[0]
    calls = [call for call in re.findall(r"`([^`]+)`", table) if "." in call]
    assert len(calls) > 60
    await session.run("import scipy.misc")
    for call in calls:
        result = await session.run(f"{call};")
        assert (call, result.error, len(result.notes)) == (call, None, 1)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("np.lookfor('x')", "np.lookfor is not in this NumPy: there is no search"),
        ("cv2.face", "cv2.face is not in this OpenCV: the package here is opencv-python-headless"),
        ("cv2.xfeatures2d.SURF_create()", "use cv2.SIFT_create() or cv2.ORB_create()"),
        ("np.no_such_name", "module 'numpy' has no attribute 'no_such_name'"),
        ("frame.no_such_name", "'DataFrame' object has no attribute 'no_such_name'"),
        ("import seaborn; seaborn.load_dataset('tips')", "there is no network here"),
    ],
)
async def test_an_error_names_what_to_write_instead(session: Session, code: str, words: str) -> None:
    result = await session.run(code)
    assert result.error is not None
    assert words in result.error.message
    assert result.notes == ()


async def test_libraries_do_not_see_the_old_names(session: Session) -> None:
    library = "eval(compile('hasattr(np, \"float\")', json.__file__, 'eval'))"
    code = f"import json\nprint({library}, hasattr(np, 'float'))"
    assert (await session.run(code)).stdout == "False True\n"


async def test_a_column_wins_over_a_removed_method(session: Session) -> None:
    result = await session.run("print(pd.DataFrame({'mad': [1, 2]}).mad.tolist(), pd.DataFrame({'a': [1, 3]}).mad()['a'])")
    assert (result.stdout, len(result.notes)) == ("[1, 2] 1.0\n", 1)


@pytest.mark.skipif(not follows_numpy_1, reason="this NumPy only has the rules of NEP 50")
async def test_sums_of_pixels_do_not_wrap(session: Session) -> None:
    result = await session.run(
        "r, g, b = np.uint8(200), np.uint8(100), np.uint8(50)\nprint(sum([r, g, b]), r + 100, abs(r - 201), [r])"
    )
    assert (result.stdout, result.stderr) == ("350 300 1 [200]\n", "")


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("pytesseract", "nothing here reads text: enlarge the crop"),
        ("torchvision.models", "there are no neural networks"),
        ("requests", "there is no network"),
        ("plotly.express", "draw with matplotlib"),
        ("imutils", "cv2.findContours"),
        ("some_package", "installed are numpy, PIL"),
    ],
)
async def test_an_import_error_names_what_there_is_instead(session: Session, module: str, words: str) -> None:
    result = await session.run(f"import {module}")
    assert result.error is not None
    assert result.error.type == "ModuleNotFoundError"
    assert result.error.message.startswith(f"No module named '{module.split('.')[0]}")
    assert words in result.error.message
    assert result.stderr.count("File ") == 1  # the cell alone


async def test_looking_for_a_package_or_a_name_raises_nothing(session: Session) -> None:
    code = (
        "import importlib.util\nprint(importlib.util.find_spec('easyocr'))\n"
        "try:\n    import easyocr\nexcept ImportError as error:\n    print(error.name)\n"
        "try:\n    from numpy import no_such_name\nexcept ImportError as error:\n    print(type(error).__name__)"
    )
    assert (await session.run(code)).stdout == "None\neasyocr\nImportError\n"


async def test_chinese_labels_have_glyphs_whatever_the_font(session: Session) -> None:
    for family in ("['SimHei']", "['Arial']", "['no such font']", "plt.rcParamsDefault['font.sans-serif']"):
        title = "plt.figure(); plt.title('\u5404\u6708 \uac00\ub098 \u30ab\u30ca')"
        result = await session.run(f"plt.rcParams['font.sans-serif'] = {family}\n{title}\nplt.show()")
        assert len(result.images) == 1
        assert "missing from" not in result.stderr
        assert result.stderr.count("findfont") <= 1
    blank = "a = input_image.copy(); ImageDraw.Draw(a).text((5, 5), '{}', 'black', font=font); print(hash(a.tobytes()))"
    drawn = {(await session.run(blank.format(text))).stdout for text in ("\u4e2d", "\u5404", "\u6708")}
    assert len(drawn) == 3  # three glyphs, not three boxes


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("arial.ttf", ("DejaVu Sans", "Book")),
        ("/usr/share/fonts/truetype/msttcorefonts/Arial_Bold.ttf", ("DejaVu Sans", "Bold")),
        ("times.ttf", ("DejaVu Serif", "Book")),
        ("cour.ttf", ("DejaVu Sans Mono", "Book")),
        ("simhei.ttf", ("Noto Sans CJK SC", "Regular")),
        ("malgun.ttf", ("Noto Sans CJK KR", "Regular")),
        ("msgothic.ttc", ("Noto Sans CJK JP", "Regular")),
        ("DejaVuSans.ttf", ("DejaVu Sans", "Book")),
        ("path/to/font.ttf", ("DejaVu Sans", "Book")),
    ],
)
async def test_a_font_file_that_is_not_there_becomes_the_nearest(session: Session, name: str, family: tuple[str, str]) -> None:
    result = await session.run(f"print(ImageFont.truetype({name!r}, 12).getname())")
    assert result.stdout == f"{family}\n"
    assert name == "DejaVuSans.ttf" or name in result.notes[0]
