"""Fonts by the names that code asks for, and Chinese, Japanese and Korean glyphs in every figure and picture.

Two families are there: DejaVu, which comes with Matplotlib, and Noto Sans CJK. In Matplotlib the usual names (Arial, SimHei,
Microsoft YaHei, ...) are entries of the font list that point at their files, and every text falls back to Noto Sans CJK. In
Pillow `ImageFont.truetype` gives the nearest of them for a file that is not there, with a note, and text that a font has no
glyphs for is drawn with Noto Sans CJK.

Not covered: bold or italic Noto, Arabic and Indic scripts, emoji.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import logging
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import font_manager
from PIL import ImageDraw, ImageFont

from .removed import is_guest, note

_SANS = (
    "Arial|Helvetica|Helvetica Neue|Liberation Sans|Verdana|Tahoma|Calibri|Segoe UI|Roboto|Open Sans|Ubuntu|Trebuchet MS|Lato|"
    "Inter|Comic Sans MS|Comic Neue|xkcd|xkcd Script|Humor Sans"
)
_SERIF = "Times New Roman|Times|Georgia|Liberation Serif|Cambria|Garamond|Palatino|Computer Modern Roman|CMU Serif"
_MONO = "Courier New|Courier|Consolas|Menlo|Monaco|Liberation Mono|Lucida Console|Source Code Pro|Fira Code"
_CJK_NAMES = (
    "SimHei|SimSun|NSimSun|FangSong|KaiTi|Microsoft YaHei|Microsoft JhengHei|WenQuanYi Micro Hei|WenQuanYi Zen Hei|PingFang SC|"
    "PingFang HK|STHeiti|Heiti SC|Heiti TC|STSong|STKaiti|STXihei|Hiragino Sans GB|Hiragino Sans|Source Han Sans CN|"
    "Source Han Sans SC|Source Han Serif SC|Noto Sans CJK SC|Noto Sans CJK TC|Noto Sans CJK KR|Noto Sans CJK HK|Noto Sans SC|"
    "Noto Sans TC|Noto Sans JP|Noto Sans KR|Noto Serif CJK SC|Noto Serif CJK JP|Arial Unicode MS|Droid Sans Fallback|"
    "AR PL UMing CN|AR PL UKai CN|MS Gothic|MS Mincho|Meiryo|Yu Gothic|IPAexGothic|IPAGothic|TakaoGothic|Malgun Gothic|"
    "NanumGothic|AppleGothic|Batang|Gulim|DengXian|LiSu|YouYuan"
)
_CJK_FACES = (  # (words of a font's name, the face of the collection)
    (r"gothic(?!.*(malgun|apple|nanum))|mincho|meiryo|ipa|takao|hiragino(?!.*gb)|jp|japan|osaka", 0),
    (r"malgun|nanum|batang|gulim|dotum|kr|korea|applegothic", 1),
    (r"tc|hk|jhenghei|mingliu|uming|heititc|taiwan", 3),
)
_CJK = re.compile(
    r"sim(hei|sun|kai|fang|li|you)|nsimsun|fangsong|kaiti|msyh|yahei|jhenghei|msjh|wqy|wenquanyi|pingfang|heiti|^st(heiti|song|kai|xihei|fang)|"
    r"hiragino|sourcehan|notosans(cjk|sc|tc|jp|kr|hk)|notoserif(cjk|sc|tc|jp|kr)|unicode|droidsansfallback|uming|ukai|msgothic|mincho|meiryo|"
    r"yugoth|ipa|takao|malgun|nanum|applegothic|batang|gulim|dengxian|^deng|mingliu|chinese|japan|korea|song|hei$|cjk"
)
_HAS_NO_GLYPH = re.compile("[\u1100-\u11ff\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")
_DEJAVU = Path(matplotlib.get_data_path()) / "fonts/ttf"


def cjk_file() -> str | None:
    """The collection of Noto Sans CJK, if its package is installed; the first of its faces is the Japanese one."""
    package = importlib.util.find_spec("noto_cjk_sans_otc")
    if package is None or not package.submodule_search_locations:
        return None
    return str(Path(package.submodule_search_locations[0]) / "NotoSansCJK-Regular.ttc")


def install() -> None:
    """Both libraries."""
    file = cjk_file()
    _list_aliases(file)
    _replace_files(file)
    logging.getLogger("matplotlib.font_manager").addFilter(_Once())
    _replace_truetype(file)
    if file is not None:
        _fall_back_in_figures(file)
        _fall_back_in_pictures(file)


class _Once(logging.Filter):
    """Lets each message pass once: Matplotlib says what font it does not find for every text of a figure."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if text in self._seen:
            return False
        self._seen.add(text)
        return True


def _list_aliases(cjk: str | None) -> None:
    """Add entries to Matplotlib's font list, under names that are not in it."""
    manager = font_manager.fontManager
    known = {entry.name for entry in manager.ttflist}
    for family, names in (("DejaVu Sans", _SANS), ("DejaVu Serif", _SERIF), ("DejaVu Sans Mono", _MONO)):
        entries = [entry for entry in manager.ttflist if entry.name == family and Path(entry.fname).is_relative_to(_DEJAVU)]
        manager.ttflist += [replace(entry, name=name) for name in names.split("|") if name not in known for entry in entries]
    if cjk is not None:
        plain = font_manager.FontEntry(cjk, "Noto Sans CJK JP", "normal", "normal", 400, "normal", "scalable")
        aliases = ["Noto Sans CJK JP", *_CJK_NAMES.split("|")]
        manager.ttflist += [replace(plain, name=name) for name in aliases if name not in known]


def _fall_back_in_figures(cjk: str) -> None:
    """Let every text of a figure find glyphs in Noto Sans CJK that its own font lacks."""
    kind: Any = font_manager.FontManager
    usual = kind._find_fonts_by_props

    @functools.wraps(usual)
    def find(*args: Any, **more: Any) -> list[str]:
        paths = usual(*args, **more)
        return paths if cjk in paths else [*paths, cjk]

    kind._find_fonts_by_props = find


def _replace_truetype(cjk: str | None) -> None:
    """Let `ImageFont.truetype` give a font that is there."""
    usual = ImageFont.truetype

    @functools.wraps(usual)
    def truetype(font: Any = None, size: float = 10, index: int = 0, *args: Any, **more: Any) -> Any:
        try:
            return usual(font, size, index, *args, **more)
        except OSError:
            if not isinstance(font, (str, Path)) or Path(font).exists():
                raise
        file, face = _nearest(Path(font).stem, cjk)
        note(f"there is no font file {str(font)!r}; {Path(file).name} was used")
        return usual(file, size, face, *args, **more)

    ImageFont.truetype = truetype


def _replace_files(cjk: str | None) -> None:
    """Let `FontProperties(fname=...)` and `addfont` take files that are not there."""
    kind: Any = font_manager.FontProperties
    usual, usual_add = kind.set_file, font_manager.fontManager.addfont

    def set_file(properties: Any, file: Any) -> None:
        if file is not None and not Path(file).exists():
            nearest = _nearest(Path(file).stem, cjk)[0]
            note(f"there is no font file {str(file)!r}; {Path(nearest).name} was used")
            file = nearest
        usual(properties, file)

    def addfont(path: Any) -> None:
        if Path(path).exists():
            usual_add(path)
        else:
            note(f"there is no font file {str(path)!r}; the usual names of fonts are known without it")

    kind.set_file = set_file
    font_manager.fontManager.addfont = addfont  # type: ignore[method-assign]


def _nearest(stem: str, cjk: str | None) -> tuple[str, int]:
    """The file and face that come closest to a font's name."""
    name = re.sub(r"[^a-z0-9]", "", stem.lower())
    if cjk is not None and _CJK.search(name):
        return cjk, next((face for words, face in _CJK_FACES if re.search(words, name)), 2)
    family = "DejaVuSansMono" if re.search(r"mono|cour|consol|menlo|code", name) else "DejaVuSans"
    if re.search(r"serif(?!.*sans)|times|georgia|roman|garamond|cambria|palatino", name) and "sans" not in name:
        family = "DejaVuSerif"
    is_bold = bool(re.search(r"bold|black|heavy|bd$|b$|bi$", name.replace("liberationmono", "")))
    is_slanted = bool(re.search(r"italic|oblique|bi$|(?<=[a-z])i$", name)) and not name.endswith("sansi")
    slanted = "Italic" if family == "DejaVuSerif" else "Oblique"
    style = ("Bold" if is_bold else "") + (slanted if is_slanted else "")
    return str(_DEJAVU / f"{family}{'-' + style if style else ''}.ttf"), 0


def _fall_back_in_pictures(cjk: str) -> None:
    """Let `ImageDraw` draw and measure text with Noto Sans CJK where the font has no such glyphs."""

    @functools.lru_cache(maxsize=16)
    def noto(size: float) -> Any:
        return ImageFont.FreeTypeFont(cjk, size, 2)

    def replaced(draw: Any, text: Any, font: Any, font_size: Any) -> Any:
        lacking = _HAS_NO_GLYPH.search(text) if isinstance(text, str) else None
        if lacking is None:
            return font
        font = font or draw.font or ImageFont.load_default(font_size or 10)
        family = font.getname()[0] or "" if isinstance(font, ImageFont.FreeTypeFont) else ""
        if family and not family.startswith(("DejaVu", "Aileron")):
            return font
        note(f"{family or 'the built-in font'} has no glyph for {lacking.group()!r}; Noto Sans CJK was used for that text")
        return noto(getattr(font, "size", 10))

    for name in ("text", "multiline_text", "textbbox", "multiline_textbbox", "textlength"):
        _with_font(name, replaced)


def _with_font(name: str, replaced: Any) -> None:
    """Give a method of ImageDraw the font that `replaced` chooses."""
    usual = getattr(ImageDraw.ImageDraw, name)
    takes = inspect.signature(usual)

    @functools.wraps(usual)
    def call(*args: Any, **more: Any) -> Any:
        if not is_guest(sys._getframe(1)):
            return usual(*args, **more)
        given = takes.bind(*args, **more)
        font = given.arguments.get("font")
        chosen = replaced(given.arguments["self"], given.arguments["text"], font, more.get("font_size"))
        if chosen is not font:
            given.arguments["font"] = chosen
        return usual(*given.args, **given.kwargs)

    setattr(ImageDraw.ImageDraw, name, call)
