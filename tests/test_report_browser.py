"""The page of a manifest in a real browser, where there is one: wide and narrow, light and dark."""

import shutil

import pytest

import rebalance

pytestmark = pytest.mark.slow
SMALL, WIDE = {"width": 390, "height": 800}, {"width": 1280, "height": 800}


@pytest.fixture
def browser():
    api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs Debian's chromium")
    with api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


def test_a_page_folds_enlarges_copies_and_darkens(browser, run, make_folder, tmp_path, extractor):
    root = make_folder(tmp_path / "data", {"cat": 30, "dog": 8}, (20, 16))
    assert run("undersample", root, "-o", tmp_path / "m.csv", *extractor).status == 0
    (tmp_path / "r.html").write_text(rebalance.report(tmp_path / "m.csv").text, encoding="utf-8")
    address = (tmp_path / "r.html").as_uri()
    asked, wrong = [], []

    def look(size, scheme, **others):
        context = browser.new_context(viewport=size, color_scheme=scheme, **others)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        return page

    wide, small = look(WIDE, "light"), look(SMALL, "dark")
    sheets = "details.sheet"
    assert wide.locator(f"{sheets}[open]").count() == wide.locator(sheets).count() > 1
    assert small.locator(f"{sheets}[open]").count() == 0
    assert small.evaluate("document.documentElement.scrollWidth") == 390
    ground = "getComputedStyle(document.body).backgroundColor"
    assert (wide.evaluate(ground), small.evaluate(ground)) == (
        "rgb(255, 255, 255)",
        "rgb(23, 25, 28)",
    )
    wide.locator("#again").scroll_into_view_if_needed()
    assert wide.locator("nav").bounding_box()["y"] == 0  # it stays
    tile = wide.locator("#class-1 .tiles button").nth(1)
    tile.click()
    name = tile.get_attribute("data-file")
    assert wide.locator("dialog.large p").first.text_content() == name
    colours = "c => [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data]"
    assert wide.locator("dialog canvas").evaluate(colours)[3] == 255
    wide.keyboard.press("ArrowRight")
    assert wide.locator("dialog.large p").first.text_content() != name
    wide.context.grant_permissions(["clipboard-read", "clipboard-write"])
    wide.get_by_text("Copy name").click()
    wide.get_by_text("Copied").wait_for()
    wide.keyboard.press("Escape")
    assert wide.locator("dialog[open]").count() == 0
    plain = look(SMALL, "light", java_script_enabled=False)
    assert plain.locator(f"{sheets}[open]").count() == plain.locator(sheets).count()
    assert not plain.locator(".tiles").first.is_visible()
    assert set(asked) <= {address} | {url for url in asked if url.startswith("data:")}
    assert wrong == []
