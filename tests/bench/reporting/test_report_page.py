"""The page of a report in Chromium: nothing is fetched, nothing fails, and every figure is drawn."""

import io

import numpy as np
import pytest
from PIL import Image

from bench.report import report


class Visit:
    """A page that was opened, with what it fetched and what went wrong."""

    def __init__(self, browser, path, width, scheme):
        self.fetched, self.errors = [], []
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page.on("request", lambda request: self.fetched.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: self.errors.append(line.text) if line.type != "log" else None)
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-drawn]")

    def colours(self, locator):
        """Return the number of colours of an element, and its mean brightness, 0–255."""
        pixels = np.array(Image.open(io.BytesIO(locator.screenshot()), formats=("PNG",)).convert("RGB"))
        return len(np.unique(pixels.astype(np.int32) @ [65536, 256, 1])), pixels.mean()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_the_page_works_in_chromium_without_a_network(browser, write_finished, hostile_discs):
    folder = write_finished(hostile_discs)
    report(["s"], mlflow=False)
    path = folder.directory / "report" / "report.html"
    for width, scheme in ((1280, "light"), (390, "dark")):
        visit = Visit(browser, path, width, scheme)
        page = visit.page
        assert visit.errors == []
        assert [url for url in visit.fetched if not url.startswith(("file:", "data:", "blob:"))] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is wider than the screen"
        assert (visit.colours(page.locator("h1"))[1] < 100) == (scheme == "dark")
        charts = page.locator(".chart")
        assert charts.count() == 10
        for place in range(charts.count()):
            n_colours, brightness = visit.colours(charts.nth(place))
            assert n_colours > 20, f"figure {place} is blank"
            assert (brightness < 128) == (scheme == "dark")
        rows = page.locator("#methods-table-1 tbody tr td:first-child").all_inner_texts()
        assert rows == ["mask_fixed", "vae", "floor pca", "floor random", "ceiling oracle"]
        page.locator("#trials-1 summary").click()
        f1 = [float(cell) for cell in page.locator("#trials-table-1 td:nth-child(4)").all_inner_texts()]
        assert f1 == sorted(f1, reverse=True)
        pictures = page.evaluate("[...document.querySelectorAll('.picture img')].map(image => image.naturalWidth)")
        assert len(pictures) == 2
        assert min(pictures) > 400
        assert visit.errors == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_point_of_the_map_shows_its_patch_and_print_shows_the_figures(browser, write_finished, discs):
    folder = write_finished(discs)
    report(["s"], mlflow=False)
    visit = Visit(browser, folder.directory / "report" / "report.html", 1280, "dark")
    page, tile = visit.page, visit.page.locator(".tile")
    assert not tile.is_visible()
    point = page.locator("#map-1 .scatterlayer .point").first
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    tile.wait_for(state="visible")
    assert visit.colours(tile)[0] > 50
    assert page.locator(".modebar-btn").count() > 0
    assert page.locator("[data-title*=hare]").count() == 0, "no button that sends the figure elsewhere"
    page.emulate_media(media="print")
    assert not page.locator(".chart").first.is_visible()
    stills = page.locator(".still")
    assert stills.count() == 10
    assert all(stills.nth(place).is_visible() for place in range(10))
    assert visit.colours(page.locator("body"))[1] > 200, "white paper, whatever the theme"
    assert visit.errors == []
