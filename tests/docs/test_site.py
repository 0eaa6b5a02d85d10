"""The documentation site: built strictly, complete, and readable without a network."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest
from documents import ROOT

from bench.cli import PROGRAMS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("material") is None, reason="the site's tools are missing: make install EXTRAS=dev,docs"
    ),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built by `make docs`."""
    folder = tmp_path_factory.mktemp("site") / "site"
    make = ["make", "docs", f"BIN={Path(sys.executable).parent}", "INSTALLED=", f"ARGS=--site-dir {folder}"]
    found = subprocess.run(make, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr[-3000:]
    return folder


class _Assets(HTMLParser):
    """Collects what a browser fetches to show a page, and the text of the page."""

    def __init__(self):
        super().__init__()
        self.fetched, self.text = [], []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video"):
            self.fetched.append(attributes.get("src"))
        if tag == "link" and attributes.get("rel") not in ("canonical", "prev", "next"):
            self.fetched.append(attributes.get("href"))

    def handle_data(self, data):
        self.text.append(data)


def read(path):
    page = _Assets()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def test_a_page_fetches_nothing_from_the_network_and_everything_from_the_site(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 25
    for path in pages:
        fetched = [name for name in read(path).fetched if name]
        assert [name for name in fetched if re.match(r"(https?:)?//", name)] == []
        if path.name != "404.html":  # its links begin at the root of a server
            assert [name for name in fetched if not (path.parent / name.partition("?")[0]).exists()] == []
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"@import|url\(['\"]?(?:https?:)?//", text) == []


def test_the_reference_has_every_program_and_its_options(site):
    text = "".join(read(site / "reference" / "command-line.html").text)
    for name in PROGRAMS:
        assert f"cellbench {name}" in text
    for option in ("--method", "--time-budget", "--label-pattern", "--at-once"):
        assert option in text


def test_the_reference_has_a_page_for_each_package_of_the_library(site):
    packages = [path.parent.name for path in (ROOT / "cellbench").glob("*/__init__.py")]
    assert len(packages) > 8
    for name in packages:
        assert f"cellbench.{name}" in "".join(read(site / "reference" / "api" / f"{name}.html").text)
    patches = "".join(read(site / "reference" / "api" / "patches.html").text)
    assert "PatchSet" in patches
    assert "Parameters:" in patches


def test_files_of_the_repository_are_pages_without_copies(site):
    for page, words in {
        "index": "Search and compare",
        "contributing": "Adding a suppression",
        "tracking-server": "mlflow/serve",
        "security": "vulnerability",
        "changelog": "Unreleased",
        "reference/search-spaces": "mask_fixed",
    }.items():
        assert words in "".join(read(site / f"{page}.html").text)
    assert not (ROOT / "docs" / "index.md").exists()
    assert not list(site.glob("*.py"))


def test_the_search_of_the_site_finds_its_words(site):
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    assert "latent/cell_content" in index
    assert "Warm start, early stopping, screening" in index
