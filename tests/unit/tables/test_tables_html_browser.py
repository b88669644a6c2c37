"""The HTML report as Chromium shows it, on a desk and on a telephone, in light and in dark."""

import json
import shutil

import numpy as np
import pytest

from otdiv._text import for_terminal
from otdiv.tables import Verdict, compare_tables
from otdiv.tables.html.heat_map import heat_map
from otdiv.tables.html.page import batch_page, page
from tests.odd_tables import ODD, tables

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DESK, TELEPHONE = 1280, 390
"""Pixels of the widths at which a report is read."""


@pytest.fixture(scope="module")
def driver():
    """Chromium without a window and without a network of its own."""
    pytest.importorskip("selenium", reason="needs selenium")
    programs = shutil.which("chromium"), shutil.which("chromedriver")
    if None in programs:
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = programs[0]
    for flag in ("--headless", "--no-sandbox", "--disable-background-networking"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with Chrome(options=options, service=ChromeService(programs[1])) as chrome:
        yield chrome


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """A page with odd names, every kind of column, and a wide heat map; and one of batches."""
    a, b = tables(ODD)
    report = compare_tables(a, b, n_permutations=199, tolerance={ODD[3]: 9.0})
    matrix = np.linspace(0.0, 1.0, 40).reshape(2, 20)
    verdicts = [[Verdict.DIFFERS] * 20, [Verdict.WITHIN_NOISE] * 20]
    drawn = heat_map(ODD[:2], ODD[:1] * 20, matrix, caption=ODD[0], verdicts=verdicts)
    folder = tmp_path_factory.mktemp("report")
    batches = batch_page([report] * 3, ODD[:3], title=ODD[0], sentences=ODD[:3], heat_map=drawn)
    pages = folder / "report.html", folder / "batches.html"
    for path, text in zip(pages, (page(report, heat_map=drawn), batches), strict=True):
        path.write_text(text, encoding="utf-8")
    return pages


@pytest.fixture(scope="module")
def path(paths):
    return paths[0]


def show(driver, path, width, *, theme="light"):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": theme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.get(path.as_uri())


@pytest.fixture(params=[DESK, TELEPHONE])
def shown(driver, path, request):
    show(driver, path, request.param)
    return driver


def background(driver):
    return driver.execute_script("return getComputedStyle(document.body).backgroundColor")


def columns(driver):
    return driver.execute_script(
        "return [...document.querySelectorAll('#table tbody th')].map((head) => head.textContent)"
    )


def test_every_figure_is_seen_and_lies_within_the_width(shown):
    shown.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    boxes = shown.execute_script(
        "return [...document.querySelectorAll('svg')].map((svg) => {"
        " const box = svg.getBoundingClientRect();"
        " return [box.left, box.right, box.width, box.height]; })"
    )
    width = shown.execute_script("return document.documentElement.clientWidth")
    assert len(boxes) > 20
    for left, right, wide, high in boxes:
        assert wide > 100
        assert high > 20
        assert left >= 0
        assert right <= width


def test_letters_of_figures_stay_in_the_page_and_can_be_read(shown):
    shown.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    width = shown.execute_script("return document.documentElement.clientWidth")
    boxes = shown.execute_script(
        "return [...document.querySelectorAll('svg text')].map((text) => {"
        " const box = text.getBoundingClientRect(), ctm = text.getScreenCTM();"
        " return [box.left, box.right, ctm.a * parseFloat(getComputedStyle(text).fontSize)]; })"
    )
    for left, right, size in boxes:
        assert left >= 0
        assert right <= width
        assert size >= 9.0


@pytest.mark.parametrize("opened", [False, True])
def test_the_page_is_never_scrolled_sideways(shown, opened):
    if opened:
        shown.execute_script(
            "document.querySelectorAll('details').forEach((d) => { d.open = true; })"
        )
    element = "document.documentElement"
    assert shown.execute_script(f"return {element}.scrollWidth <= {element}.clientWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_console_is_silent_and_nothing_is_loaded(driver, path, theme):
    driver.get_log("browser")
    show(driver, path, DESK, theme=theme)
    assert driver.get_log("browser") == []
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize("width", [DESK, TELEPHONE])
def test_the_page_of_batches_stays_in_its_width_and_is_silent(driver, paths, width):
    driver.get_log("browser")
    show(driver, paths[1], width)
    assert driver.get_log("browser") == []
    element = "document.documentElement"
    assert driver.execute_script(f"return {element}.scrollWidth <= {element}.clientWidth")
    assert driver.execute_script("return document.querySelectorAll('script').length") == 1
    before = background(driver)
    driver.find_element("id", "theme").click()
    assert background(driver) != before


def test_no_name_became_an_element(shown):
    count = "return document.querySelectorAll('%s').length"
    assert shown.execute_script(count % "script") == 1
    assert shown.execute_script(count % "img, iframe, b, object, embed") == 0
    assert sorted(columns(shown)) == sorted(
        for_terminal(name) if name.strip() else f'"{name}"' for name in [*ODD[:-1], "failing"]
    )
    assert "<script>alert(1)</script>" in shown.title or "a → b" in shown.title


@pytest.mark.parametrize("key", ["ENTER", "SPACE"])
def test_the_table_is_sorted_by_keys(shown, key):
    from selenium.webdriver.common.keys import Keys

    key = getattr(Keys, key)
    heads = shown.find_elements("css selector", "#table thead th")
    names = [head.text for head in heads]
    column, size = (heads[place].find_element("tag name", "button") for place in (0, 4))
    assert names[4].startswith("Size")

    def values():
        found = shown.execute_script(
            "return [...document.querySelectorAll('#table tbody tr')]"
            ".map((row) => row.cells[4].dataset.v)"
        )
        return [float(value) for value in found if value], [bool(value) for value in found]

    shown.execute_script("arguments[0].focus()", size)
    for order, reverse in (("descending", True), ("ascending", False)):
        shown.switch_to.active_element.send_keys(key)
        assert heads[4].get_attribute("aria-sort") == order
        numbers, known = values()
        assert numbers == sorted(numbers, reverse=reverse)
        assert known == sorted(known, reverse=True)  # what has no value is last both ways
    shown.execute_script("arguments[0].focus()", column)
    shown.switch_to.active_element.send_keys(key)
    assert heads[0].get_attribute("aria-sort") == "ascending"
    assert heads[4].get_attribute("aria-sort") is None
    ordered = shown.execute_script(
        "return arguments[0].slice().sort((a, b) => a.localeCompare(b))", columns(shown)
    )
    assert columns(shown) == ordered


def test_every_control_is_reached_by_the_tabulator(shown):
    from selenium.webdriver.common.keys import Keys

    reached = set()
    for _ in range(60):
        shown.switch_to.active_element.send_keys(Keys.TAB)
        focused = "return [document.activeElement.tagName, document.activeElement.textContent]"
        tag, text = shown.execute_script(focused)
        reached.add(text if tag == "BUTTON" else tag)
    assert {"Dark", "Open all", "A", "SUMMARY"} <= reached
    assert len([text for text in reached if text not in ("A", "SUMMARY", "BODY", "HTML")]) >= 9


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_follows_the_system_and_the_button(driver, path, theme):
    show(driver, path, DESK, theme=theme)
    first = background(driver)
    button = driver.find_element("id", "theme")
    other = "Dark" if theme == "light" else "Light"
    assert button.text == other
    figure = "return getComputedStyle(document.querySelector('svg text')).fill"
    letters = driver.execute_script(figure)
    button.click()
    assert background(driver) != first
    assert driver.execute_script(figure) != letters
    button.click()
    assert background(driver) == first
    show(driver, path, DESK, theme=other.lower())
    assert background(driver) != first


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(driver, path, theme):
    """Contrast of 4.5 to 1 at least, as WCAG 2.2 asks of small letters (criterion 1.4.3)."""
    show(driver, path, DESK, theme=theme)
    found = json.loads(
        driver.execute_script(
            """
            const parts = (text) => {
              const context = new OffscreenCanvas(1, 1).getContext('2d');
              context.fillStyle = text;
              context.fillRect(0, 0, 1, 1);
              const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
              return [r, g, b, a / 255];
            };
            const light = ([r, g, b]) => {
              const linear = [r, g, b].map((value) => value / 255)
                .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
              return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
            };
            const behind = (element) => {
              const layers = [];
              for (let at = element; at; at = at.parentElement) {
                layers.unshift(getComputedStyle(at).backgroundColor);
              }
              const context = new OffscreenCanvas(1, 1).getContext('2d');
              for (const layer of layers) {
                context.fillStyle = layer;
                context.fillRect(0, 0, 1, 1);
              }
              return [...context.getImageData(0, 0, 1, 1).data];
            };
            const found = [];
            document.querySelectorAll('details').forEach((details) => { details.open = true; });
            for (const element of document.querySelectorAll('main *, header *')) {
              const nodes = [...element.childNodes];
              const own = nodes.some((node) => node.nodeType === 3 && node.data.trim());
              if (!own || element.closest('script, style, .arrow')) continue;
              const style = getComputedStyle(element);
              const ink = parts(element.closest('svg') ? style.fill : style.color);
              const [high, low] = [light(ink), light(behind(element))].sort((a, b) => b - a);
              found.push([(high + 0.05) / (low + 0.05), element.outerHTML.slice(0, 80)]);
            }
            return JSON.stringify(found);
            """
        )
    )
    assert len(found) > 200
    assert [words for contrast, words in found if contrast < 4.5] == []


def test_a_link_opens_the_card_of_its_column(shown):
    link = "document.querySelector('#table tbody tr:last-child a')"
    shown.execute_script("document.querySelectorAll('.card').forEach((d) => { d.open = false; })")
    shown.execute_script(f"{link}.click()")
    opened = f"return document.querySelector({link}.getAttribute('href')).open"
    for _ in range(50):
        if shown.execute_script(opened):
            break
    assert shown.execute_script(opened)


def test_paper_is_light_and_shows_every_card(driver, path):
    show(driver, path, DESK, theme="dark")
    dark = background(driver)
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert driver.execute_script("return getComputedStyle(document.body).color") == (
            "rgb(29, 28, 26)"
        )
        assert background(driver) != dark
        hidden = "return document.querySelectorAll('.card:not([open])').length"
        assert driver.execute_script(hidden) == 0
        buttons = driver.find_elements("css selector", "button.quiet")
        assert not any(button.is_displayed() for button in buttons)
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
