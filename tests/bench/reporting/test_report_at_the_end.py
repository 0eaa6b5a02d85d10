"""The page that a search writes when it ends."""

import re
from dataclasses import replace

import pytest

import bench.pipeline.run
from bench.pipeline.run import SEARCH, run_and_show
from bench.record.request import Request
from bench.record.summary import Summary
from bench.report import report
from bench.tracking.client import connect, open_experiment
from cellbench.errors import DataError


@pytest.fixture
def ended(write_finished, discs, monkeypatch):
    """Return a function that ends a search whose trials were written, and gives its exit status."""
    folder = write_finished(discs)
    monkeypatch.setattr(bench.pipeline.run, "run_pipeline", lambda request, folder, kind: kind.read(folder))

    def end():
        shown = []
        kind = replace(SEARCH, show=lambda _, found: shown.append(found))
        status = run_and_show(Request.read(folder), folder, kind)
        assert [type(each) for each in shown] == [Summary], "the verdict comes first"
        return status

    return folder, end


def test_a_search_ends_with_its_page_in_its_folder_and_in_mlflow(ended, capsys):
    folder, end = ended
    client = connect()
    tags = {"cellbench.search": "s", "mlflow.runName": "s"}
    run = client.create_run(open_experiment(client, "discs"), tags=tags).info.run_id
    assert end() == 0
    out = folder.directory / "report"
    text = (out / "report.html").read_text(encoding="utf-8")
    output = capsys.readouterr()
    assert f"Report: {out / 'report.html'}" in output.out.replace("\n", "")
    assert "python -m bench.report s" in output.out
    assert "not complete" not in output.err
    assert [each.path for each in client.list_artifacts(run, "report")] == ["report/report.html"]
    assert (out / "trials.csv").exists()
    assert list(out.glob("*.svg")) == [], "figures as files take most of the time"
    assert "with-still" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL), "the browser prints its own"
    report(["s"], mlflow=False)
    assert (out / "f1.svg").exists()
    assert (out / "report.html").read_text(encoding="utf-8").count('<figure class="with-still">') == 10


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DataError("A file is damaged."), "A file is damaged"),
        (ZeroDivisionError("x"), "ZeroDivisionError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_a_report_that_fails_does_not_change_the_exit_status(ended, monkeypatch, capsys, error, reason):
    _, end = ended

    def fail(*_):
        raise error

    monkeypatch.setattr(bench.pipeline.run, "gather", fail)
    assert end() == 0
    remark = capsys.readouterr().err.replace("\n", " ")
    assert f"The report is not complete: {reason}. python -m bench.report s writes it again." in remark


def test_a_page_that_mlflow_does_not_get_is_written(ended, capsys):
    folder, end = ended
    assert end() == 0
    assert (folder.directory / "report" / "report.html").exists()
    assert "The report is not complete: The store has no run of s" in capsys.readouterr().err
