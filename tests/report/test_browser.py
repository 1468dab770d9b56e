"""The report in a real browser: quick, silent, safe, legible, and every place in it a link."""

from __future__ import annotations

import base64
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from report.browser import Browser
from report.runs import EVIL

ROWS = "return [...document.querySelectorAll('#rows a.row')].map(row => row.innerText)"
PLACE = "return location.hash"
SHOWN = "return document.querySelector('#page #question')?.textContent"
SIDEWAYS = "return [document.documentElement.scrollWidth, innerWidth]"
COLOURS = """
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const behind = (element) => {
  for (; element; element = element.parentElement) {
    const found = parse(getComputedStyle(element).backgroundColor);
    if (found.length < 4 || found[3] > 0.99) return found;
  }
};
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
return arguments[0].flatMap((selector) => [...document.querySelectorAll(selector)].slice(0, 40).map((element) => {
  const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
  return [selector, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
}));
"""


def trace_at(task_id: str, sample: int = 0, query: str = "") -> str:
    return f"#/trace/{quote(task_id, safe='')}/{sample}{query}"


def wait_for_trace(browser: Browser, start: str) -> None:
    browser.wait("return document.querySelector('#page #question')?.textContent.startsWith(arguments[0])", start)


def test_two_hundred_traces_open_within_two_seconds(chromium: Browser, large: Path) -> None:
    spent = []
    for _ in range(3):
        chromium.open(large)
        spent.append(chromium.run("return performance.timing.loadEventEnd - performance.timing.navigationStart") / 1000)
        assert len(chromium.run(ROWS)) == 60
    assert min(spent) < 2, spent


def test_the_browser_has_nothing_to_complain_about_and_asks_nobody(chromium: Browser, nasty: Path) -> None:
    chromium.open(nasty)
    for number in range(len(chromium.run(ROWS))):
        chromium.run("location.hash = document.querySelectorAll('#rows a.row')[arguments[0]].getAttribute('href')", number)
        chromium.wait("return document.querySelector('#page .trace')")
        chromium.run("for (const fold of document.querySelectorAll('#page details')) fold.open = true")
    assert chromium.said() == ([], [])


def test_a_page_that_asks_or_fails_would_be_noticed(chromium: Browser, tmp_path: Path) -> None:
    page = tmp_path / "asks.html"
    page.write_text("<ol id=rows><li></ol><img src='http://127.0.0.1:9/x.png'><script>undefined.x</script>")
    chromium.open(page)
    complaints, requests = [], []
    end = time.monotonic() + 5
    while time.monotonic() < end and len(complaints) < 2:
        more, asked = chromium.said()
        complaints, requests = complaints + more, requests + asked
    assert requests == ["http://127.0.0.1:9/x.png"]
    assert any("TypeError" in complaint for complaint in complaints)


def test_markup_in_a_trace_runs_nowhere(chromium: Browser, nasty: Path) -> None:
    chromium.open(nasty, trace_at(EVIL))
    wait_for_trace(chromium, EVIL[:9])
    assert chromium.run(SHOWN).strip() == EVIL
    chromium.open(nasty, "#/traces?q=" + quote(EVIL) + "&stop=" + quote(EVIL))
    time.sleep(0.2)
    assert "owned" not in chromium.run("return document.title")
    assert chromium.run("return document.querySelectorAll('img[src=x], [onerror]').length") == 0


def test_even_markup_that_slipped_in_could_not_run(chromium: Browser, nasty: Path) -> None:
    chromium.open(nasty)
    chromium.run("document.body.insertAdjacentHTML('beforeend', `<img src='data:,' onerror=\"document.title='owned'\">`)")
    chromium.run(
        "const s = document.createElement('script'); s.textContent = \"document.title = 'owned'\"; document.body.append(s)"
    )
    time.sleep(0.2)
    assert chromium.run("return document.title") != "owned"
    assert any("Content Security Policy" in complaint for complaint in chromium.said()[0])


def test_filters_narrow_the_list_and_stand_in_the_address(chromium: Browser, large: Path) -> None:
    chromium.open(large)
    choose = """const select = document.forms.filters.elements[arguments[0]]; select.value = arguments[1];
        select.dispatchEvent(new Event('change', {bubbles: true}))"""
    chromium.run(choose, "match", "no")
    chromium.run(choose, "operation", "crop")
    chromium.wait("return document.getElementById('found').textContent.includes(' of 200 traces')")
    rows = chromium.run(ROWS)
    assert chromium.run(PLACE) == "#/traces?match=no&operation=crop"
    assert 0 < len(rows) < 60 and all("wrong" in row for row in rows)
    chromium.open(large, "#/traces?match=no&operation=crop")
    assert chromium.run(ROWS) == rows
    chromium.click("#clear")
    assert chromium.run(PLACE) == "#/traces" and len(chromium.run(ROWS)) == 60


@pytest.mark.parametrize(
    ("place", "tasks"),
    [
        ("#/traces?stop=turn_limit", ["ends", "empty turns"]),
        ("#/traces?error=timeout", ["ends"]),
        ("#/traces?error=any", [EVIL, "ends"]),
        ("#/traces?match=yes", [EVIL, "\u00fcml\u00e4ut/\u2603 ?#%2F&x, sample 3"]),
        ("#/traces?operation=files", ["ends"]),
        ("#/traces?group=" + quote(f"{EVIL} / {EVIL}"), [EVIL]),
        ("#/traces?q=W%C3%84HLE", ["\u00fcml\u00e4ut/\u2603 ?#%2F&x, sample 3"]),
        ("#/traces?q=503%20endpoint", ["outage"]),
        ("#/traces?q=still+counting", ["ends"]),
        ("#/traces?q=%3Cscript%3E", [EVIL]),
        ("#/traces?stop=never", []),
        ("#/traces?sort=turns&stop=turn_limit", ["ends", "empty turns"]),
    ],
)
def test_an_address_finds_its_traces(chromium: Browser, nasty: Path, place: str, tasks: list[str]) -> None:
    chromium.open(nasty, place)
    names = chromium.run("return [...document.querySelectorAll('#rows .name')].map(name => name.textContent)")
    assert [name.split(" \u00b7 ")[-1] for name in names] == tasks


def test_a_row_of_a_table_leads_to_its_traces(chromium: Browser, large: Path) -> None:
    chromium.open(large)
    chromium.click("a[href='#/traces?error=ValueError']")
    chromium.wait("return document.getElementById('found').textContent.includes(' of ')")
    assert all("failed" in row for row in chromium.run(ROWS))
    assert chromium.run("return document.getElementById('list').getBoundingClientRect().top < innerHeight / 2")


def test_the_search_reads_what_code_printed(chromium: Browser, scripted: Path) -> None:
    chromium.open(scripted)
    chromium.press("/")
    chromium.wait("return document.activeElement.id === 'search'")
    chromium.press("24 coins contourarea")
    chromium.wait("return document.getElementById('found').textContent === '2 of 6 traces'")
    assert "q=24+coins+contourarea" in chromium.run(PLACE)


def test_sorting_puts_the_largest_first(chromium: Browser, large: Path) -> None:
    chromium.open(large, "#/traces?sort=turns")
    turns = [int(row.split(" turn")[0].split()[-1]) for row in chromium.run(ROWS)]
    assert turns == sorted(turns, reverse=True) and turns[0] > turns[-1]


def test_the_list_grows_by_pieces(chromium: Browser, large: Path) -> None:
    chromium.open(large)
    assert chromium.run("return document.querySelectorAll('*').length") < 2500
    chromium.run("document.getElementById('more').scrollIntoView()")
    chromium.wait("return document.querySelectorAll('#rows a.row').length > 60")


@pytest.mark.parametrize("task", ["floods/1", "\u00fcml\u00e4ut/\u2603 ?#%2F&x", "lost pictures"])
def test_a_shared_link_opens_its_trace(chromium: Browser, nasty: Path, task: str) -> None:
    chromium.open(nasty, trace_at(task, 3 if "&" in task else 0))
    chromium.wait("return document.querySelector('#page .crumbs')?.textContent.includes(arguments[0])", task)
    assert chromium.run("return document.getElementById('overview').hidden")
    assert chromium.run("return document.activeElement.id") == "question"


def test_a_shared_link_to_a_turn_shows_that_turn(chromium: Browser, scripted: Path) -> None:
    chromium.open(scripted, trace_at("coins.png", 1, "?turn=3"))
    chromium.wait("return document.activeElement.id === 'turn-3'")
    top = chromium.run("return document.getElementById('turn-3').getBoundingClientRect().top")
    assert 60 < top < 400


@pytest.mark.parametrize("place", ["#/trace/nobody/0", "#/trace/%E0%A4%A/0", "#/nonsense?x", "#main"])
def test_an_address_that_leads_nowhere_shows_the_overview(chromium: Browser, nasty: Path, place: str) -> None:
    chromium.open(nasty, place)
    assert chromium.run("return !document.getElementById('overview').hidden && document.getElementById('trace').hidden")


def test_keys_step_through_traces_and_turns_and_back(chromium: Browser, scripted: Path) -> None:
    from selenium.webdriver import Keys

    chromium.open(scripted, "#/traces?match=yes")
    chromium.press("j", "j", Keys.ENTER)
    wait_for_trace(chromium, "")
    first = chromium.run(PLACE)
    for key, back in (("j", "k"), (Keys.ARROW_RIGHT, Keys.ARROW_LEFT)):
        chromium.press(key)
        chromium.wait("return location.hash !== arguments[0]", first)
        chromium.press(back)
        chromium.wait("return location.hash === arguments[0]", first)
    assert "match=yes" in first
    for key, turn in (("n", 1), ("n", 2), ("n", 3), ("p", 2)):
        chromium.press(key)
        chromium.wait("return document.activeElement.dataset.turn === arguments[0]", str(turn))
    assert "turn=2" in chromium.run(PLACE)
    chromium.press("?")
    assert chromium.run("return document.getElementById('help').open")
    chromium.press(Keys.ESCAPE)
    assert not chromium.run("return document.getElementById('help').open")
    chromium.press(Keys.ESCAPE)
    chromium.wait("return location.hash === '#/traces?match=yes'")
    chromium.press("/")
    chromium.wait("return document.activeElement.id === 'search'")


def test_the_way_back_leads_to_the_same_place_in_the_list(chromium: Browser, large: Path) -> None:
    chromium.open(large, "#/traces")
    chromium.click("#rows li:nth-child(40) a")
    wait_for_trace(chromium, "")
    chromium.click("#back")
    chromium.wait("return document.getElementById('trace').hidden")
    top = chromium.run("return document.querySelector('#rows li:nth-child(40)').getBoundingClientRect().top")
    assert 0 < top < 900


def test_pictures_come_with_their_page_and_can_be_enlarged(chromium: Browser, scripted: Path) -> None:
    chromium.open(scripted)
    assert chromium.run("return document.querySelectorAll('#page img').length") == 0
    chromium.run("location.hash = arguments[0]", trace_at("coins.png"))
    loaded = (
        "const all = [...document.querySelectorAll('#page img')]; return all.length === 3 && all.every(i => i.naturalWidth > 100)"
    )
    chromium.wait(loaded)
    assert chromium.run("return [...document.querySelectorAll('#page img')].every(img => img.alt)")
    before = chromium.run("return document.querySelector('.inputs img').getBoundingClientRect().width")
    chromium.click(".inputs .enlarge")
    assert chromium.run("return document.getElementById('enlarged').open")
    assert chromium.run("return document.querySelector('#enlarged img').getBoundingClientRect().width") > before
    assert "392 x 308 px" in chromium.run("return document.querySelector('#enlarged p').textContent")


def test_a_picture_that_is_not_there_leaves_a_word(chromium: Browser, nasty: Path) -> None:
    chromium.open(nasty, trace_at("lost pictures"))
    chromium.wait("return document.querySelectorAll('#page .lost').length === 2")
    assert "images/00ff.png: the file is missing" in chromium.run("return document.querySelector('#page .lost').textContent")


@pytest.mark.parametrize("place", ["", trace_at("five"), trace_at("floods/1"), trace_at(EVIL), trace_at("ends")])
@pytest.mark.parametrize("width", [390, 800])
def test_nothing_is_wider_than_a_small_screen(chromium: Browser, nasty: Path, place: str, width: int) -> None:
    chromium.open(nasty, place, width=width, height=844)
    if place:
        wait_for_trace(chromium, "")
    chromium.run("for (const fold of document.querySelectorAll('details')) fold.open = true")
    scrolled, inner = chromium.run(SIDEWAYS)
    assert scrolled <= inner == width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_text_stands_out_by_day_and_by_night(chromium: Browser, scripted: Path, dark: bool) -> None:
    everywhere = ["body", "a", "p", "h1", "h2", "h3", ".pill", ".remark", "dt", "dd", "th", "td", "label span", "select", "kbd"]
    chromium.open(scripted, dark=dark)
    on_overview = chromium.run(COLOURS, [*everywhere, ".name", ".gold", ".numbers span", ".chart text"])
    chromium.run("location.hash = arguments[0]", trace_at("chelsea.png"))
    wait_for_trace(chromium, "What")
    code = [f"#page .code .{name}" for name in "csnkfb"]
    on_trace = chromium.run(
        COLOURS, [*everywhere, "#page .line", *code, "#page .error", "#page .stderr pre", "#page .chips li", ".gap", "del", "ins"]
    )
    assert {selector for selector, _ in on_trace} >= {"#page .line", "#page .code .s", "#page .stderr pre", "del"}
    assert [(selector, contrast) for selector, contrast in (*on_overview, *on_trace) if contrast < 4.5] == []
    ground = chromium.run("return getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, ground[4:-1].split(","))) < 60) == dark


def test_light_and_dark_can_be_turned_and_are_remembered(chromium: Browser, scripted: Path) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    chromium.open(scripted)
    by_day = chromium.run(ground)
    chromium.click("#theme")
    by_night = chromium.run(ground)
    assert by_night != by_day
    chromium.run("location.reload()")
    chromium.wait("return document.querySelector('#rows li')")
    assert chromium.run(ground) == by_night
    chromium.press("d")
    assert chromium.run(ground) == by_day
    chromium.run("sessionStorage.clear()")


def test_the_inputs_stay_beside_the_turns_and_on_top_on_a_phone(chromium: Browser, scripted: Path) -> None:
    where = """const [a, b] = ['.inputs', '.turns'].map((name) => document.querySelector(name).getBoundingClientRect());
        return [a.right <= b.left, a.bottom <= b.top, a.top]"""
    chromium.open(scripted, trace_at("coins.png"))
    wait_for_trace(chromium, "How")
    assert chromium.run(where)[0]
    chromium.run("scrollTo(0, 900)")
    assert 0 < chromium.run(where)[2] < 300
    chromium.open(scripted, trace_at("coins.png"), width=390, height=844)
    wait_for_trace(chromium, "How")
    assert chromium.run(where)[1]


def test_what_a_screen_reader_meets_has_names(chromium: Browser, scripted: Path) -> None:
    chromium.open(scripted, trace_at("coins.png"))
    wait_for_trace(chromium, "How")
    selector = "a[href], button, input, select, [role=img], [role=group]"
    nameless = """return [...document.querySelectorAll(arguments[0])].filter((element) => !(element.textContent.trim()
        || element.getAttribute('aria-label') || element.title || element.labels?.length)).map((element) => element.outerHTML)"""
    assert chromium.run(nameless, selector) == []
    twice = (
        "const ids = [...document.querySelectorAll('[id]')].map((e) => e.id); return ids.filter((id, i) => ids.indexOf(id) !== i)"
    )
    assert chromium.run(twice) == []
    assert chromium.run("return [...document.querySelectorAll('h1')].filter((h) => h.checkVisibility()).length") == 1


def test_the_stored_picture_is_the_one_that_is_shown(chromium: Browser, scripted: Path) -> None:
    chromium.open(scripted, trace_at("coins.png"))
    source = chromium.wait("return document.querySelector('.inputs img')?.src")
    assert base64.b64decode(source.partition(",")[2])[8:12] == b"WEBP"
