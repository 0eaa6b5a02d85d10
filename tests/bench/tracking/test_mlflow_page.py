"""The page of MLflow that bench.ui opens, in Chromium: the trials of a search with floors, best first."""

import os
import re
import socket
import subprocess
import sys

import pytest
from PIL import Image

from bench.record.jobs import Jobs, record_of
from bench.record.summary import Row
from bench.tracking.tracker import Tracker

COLUMNS = ("metrics.`probe/f1_macro`", "metrics.`val/ssim_cell`", "metrics.`val/l1_core`", "metrics.`latent/leakage`",
           "params.`r_max`")  # fmt: skip
OF_MLFLOW = re.compile(r"AG Grid|status of 404|Unsatisfied version|Download the React DevTools")
"""What MLflow's own page writes to the console in any store: a server without users has no current user (404)."""


@pytest.fixture
def address(folder, make_request, discs):
    """The address that bench.ui prints for a search of four trials and two floors, while its server runs."""
    request = make_request()
    request.write(folder)
    tracker, jobs, space = Tracker(request, discs.card, "cpu"), Jobs(request, folder), request.spaces[0]
    for number, f1 in enumerate((0.61, 0.72, 0.58, 0.66)):
        job = jobs.search(space.configuration(space.complete({"r_max": 8.0 + number})))
        record = record_of(job, number)
        folder.write(record)
        metrics = {"probe/f1_macro": f1, "val/ssim_cell": 0.4, "val/l1_core": 0.1, "latent/leakage": 0.2}
        tracker.trial_started(record)
        tracker.epoch(record, folder.trial(record.key).append_history(record.epochs, metrics))
        record.outcome, record.epoch, record.ended = "completed", record.epochs, record.started + 1
        folder.write(record)
        directory = folder.trial(record.key).directory
        Image.new("RGB", (60, 40), (20 * number, 90, 90)).save(directory / "reconstructions.png")
        tracker.trial_ended(record, directory)
    rows = [Row(kind="floor", name=name, f1_macro=f1, f1_std=0.01) for name, f1 in (("pca", 0.63), ("random", 0.3))]
    tracker.end_search("FINISHED", {"probe/f1_macro": 0.7}, {}, (), rows)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "bench.ui", "--search", "test", "--port", str(port)]
    server = subprocess.Popen(command, env={**os.environ, "COLUMNS": "80"}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)  # fmt: skip
    try:
        printed = ""
        while "startup complete" not in printed:
            line = server.stdout.readline()
            assert line, printed
            printed += line
        yield re.search(r"Open (http://\S+) ", printed).group(1)
    finally:
        server.terminate()
        server.communicate(timeout=60)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore:unclosed")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_shows_trials_and_floors_best_first(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.add_init_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
    fetched, errors = [], []
    page.on("request", lambda request: fetched.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.goto(address)
    page.locator(".ag-center-cols-container .ag-row").first.wait_for(timeout=120_000)
    page.get_by_text("6 matching runs").wait_for()
    host = address.partition("/#")[0]
    assert [url for url in fetched if not url.startswith((host, "data:", "blob:"))] == []
    assert [text for text in errors if not OF_MLFLOW.search(text)] == []
    names = page.locator(".ag-row [col-id='attributes.`Run Name`']").all_inner_texts()
    assert [name.splitlines()[-1] for name in names] == [
        "mask_fixed r_max 9 px normalized · fold 0 · seed 0",
        "mask_fixed r_max 11 px normalized · fold 0 · seed 0",
        "floor pca",
        "mask_fixed r_max 8 px normalized · fold 0 · seed 0",
        "mask_fixed r_max 10 px normalized · fold 0 · seed 0",
        "floor random",
    ]
    if width == 390:  # the columns to the right are reached by scrolling, as MLflow has it
        return
    places = [page.locator(f".ag-header-cell[col-id='{name}']").bounding_box() for name in COLUMNS]
    ends = [place["x"] + place["width"] for place in places]
    assert ends == sorted(ends)
    assert ends[-1] <= width, "no column is out of sight"
    f1 = [float(text) for text in page.locator(".ag-row [col-id='metrics.`probe/f1_macro`']").all_inner_texts()]
    assert f1 == sorted(f1, reverse=True)
