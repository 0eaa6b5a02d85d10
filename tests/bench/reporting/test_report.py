"""The report of a search: its sections, its page and its files, on a search that was written, not trained."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.home.environment import Environment, record_environment
from bench.perf.many_trials import write_search
from bench.record import describe, load
from bench.record.folder import SearchFolder
from bench.report import report
from bench.reporting.report.chart import Heat, Level, Points
from bench.reporting.report.gather import gather
from bench.reporting.report.page import article
from bench.reporting.report.plotly_figure import plotly_figure
from bench.reporting.report.trial_files import principal_components


@pytest.fixture
def evidence(write_finished, discs):
    return gather(write_finished(discs).name, "test")


def section(evidence, key):
    return next(each for each in article(evidence).sections if each.key == key)


def points(chart, word):
    return next(mark for mark in chart.marks if isinstance(mark, Points) and word in mark.label)


def refused(capsys, message, *arguments, **options):
    """Check that the program ends with one sentence and exit code 2."""
    with pytest.raises(SystemExit) as ended:
        report(*arguments, **options)
    assert ended.value.code == 2
    errors = capsys.readouterr().err
    assert re.search(message, errors), errors


class Page(HTMLParser):
    """What a page is made of: its addresses, its tags, the text outside scripts, and its JSON."""

    def __init__(self, path):
        super().__init__()
        self.addresses, self.tags, self.text, self.figures, self._inside = [], [], [], [], None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._inside = dict(attrs).get("type", tag) if tag in ("script", "style") else None
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "application/json":
            self.figures.append(json.loads(data))
        elif self._inside is None:
            self.text.append(data)


def test_the_sections_have_the_order_of_the_questions(evidence):
    keys = [each.key for each in article(evidence).sections]
    assert keys == [
        "answer", "table", "f1", "l1", "pictures", "radius", "share", "classes", "neighbours", "natural", "map",
        "relations", "cost", "trials", "environment", "commands",
    ]  # fmt: skip
    assert [each.key for each in article(evidence).sections if each.missing] == ["neighbours"], "the card has no order"


def test_the_answer_has_the_verdict_and_the_interval_of_the_difference(evidence):
    """Welch's interval with a floor without seeds is Student's interval of the mean."""
    from scipy import stats

    trials = evidence.trials
    fresh = trials[(trials["stage"] == "final") & (trials["method"] == "mask_fixed")]["probe/f1_macro"]
    low, high = stats.t.interval(0.95, 2, fresh.mean() - 0.55, stats.sem(fresh))
    first = section(evidence, "answer").words[0]
    assert first.startswith(f"mask_fixed is {fresh.mean() - 0.55:.3f} above the strongest floor, pca (0.550)")
    assert first.endswith(f"with a 95 % interval over 3 fresh seeds from {low:+.3f} to {high:+.3f}.".replace("-", "−"))


def test_the_table_has_each_kind_with_the_best_first_and_a_word_on_selection_bias(evidence):
    made = section(evidence, "table")
    (table,) = made.tables
    assert [row[0] for row in table.rows] == ["mask_fixed", "vae", "floor pca", "floor random", "ceiling oracle"]
    assert table.rows[0][table.heads.index("holdout")] == "0.600 (0.500 to 0.700)"
    assert table.frame["f1_macro"].round(2).tolist()[2:] == [0.55, 0.41, 0.65]
    assert "Selection bias: the best of 7 configurations" in made.words[-1]


def test_figure_3_marks_the_folds_with_the_best_and_the_worst_reconstruction(evidence):
    made = section(evidence, "f1")
    (chart,) = made.charts
    done = evidence.trials
    for place, method in enumerate(("mask_fixed", "vae")):
        own = done[(done["configuration"] == evidence.chosen[method]) & done["fold"].notna()].sort_values(
            "val/ssim_cell"
        )
        assert len(own) == 3
        assert points(chart, "best").x[place] == own["probe/f1_macro"].iloc[-1]
        assert points(chart, "worst").x[place] == own["probe/f1_macro"].iloc[0]
    lines = {mark.label: mark.at for mark in chart.marks if isinstance(mark, Level)}
    assert lines == {"strongest floor: pca": 0.55, "ceiling: oracle": 0.65}
    assert any("Selection bias" in words for words in made.words)


def test_f1_of_each_class_is_the_mean_over_fresh_seeds_with_the_number_of_patches(evidence, discs):
    (chart,) = section(evidence, "classes").charts
    labels = discs.labels(discs.rows("labelled"))
    assert chart.x.names == tuple(f"{name} ({(labels == code).sum()})" for code, name in enumerate(discs.card.classes))
    (heat,) = (mark for mark in chart.marks if isinstance(mark, Heat))
    own = evidence.trials[(evidence.trials["method"] == "vae") & (evidence.trials["stage"] == "final")]
    assert heat.values[1][2] == pytest.approx(own["probe/f1/small"].mean())


def test_rank_correlations_are_spearmans(evidence):
    from scipy import stats

    done = evidence.trials[evidence.trials["fold"].notna()]
    known = section(evidence, "relations").words
    for words, metric in zip(known, ("val/ssim_cell", "latent/leakage"), strict=False):
        expected = stats.spearmanr(done[metric], done["probe/f1_macro"]).statistic
        assert f"rank correlation {expected:.2f} over {len(done)} trainings".replace("-", "−") in words


def test_the_map_shows_labelled_patches_only(evidence, discs):
    found = evidence.embedding
    labelled = discs.rows("labelled")
    assert len(found.x) == len(labelled) == found.n_all
    assert list(found.codes) == discs.labels(labelled).tolist()


def test_principal_components_are_those_of_scikit_learn():
    from sklearn.decomposition import PCA

    values = np.random.default_rng(0).normal(size=(40, 6)) * [5, 3, 1, 1, 1, 1]
    places, shares = principal_components(values)
    model = PCA(2).fit(values)
    assert np.abs(places) == pytest.approx(np.abs(model.transform(values)))
    assert shares == pytest.approx(tuple(model.explained_variance_ratio_))
    one, (first, second) = principal_components(np.arange(5.0)[:, None])
    assert (first, second) == (1, 0)
    assert one[:, 1].tolist() == [0] * 5


@pytest.mark.slow
def test_umap_makes_the_same_map_each_time(write_finished, discs):
    pytest.importorskip("umap", reason="pip install umap-learn")
    name = write_finished(discs).name
    first, second = (gather(name, "test", "umap").embedding for _ in range(2))
    assert first.x == second.x
    assert first.titles == ("UMAP 1", "UMAP 2")
    assert np.isfinite([first.x, first.y]).all()
    assert first.codes == gather(name, "test").embedding.codes


def test_umap_without_its_package_is_an_error_that_names_it(write_finished, discs, monkeypatch, capsys):
    write_finished(discs)
    monkeypatch.setitem(sys.modules, "umap", None)
    refused(capsys, "pip install 'cellbench.umap.'", ["s"], projection="umap")


def test_plotly_accepts_every_figure(evidence):
    graph_objects = pytest.importorskip("plotly.graph_objects")
    for chart in (chart for made in article(evidence).sections for chart in made.charts):
        graph_objects.Figure(plotly_figure(chart))


def test_a_page_has_every_section_its_files_and_no_address_outside_itself(write_finished, discs, capsys):
    folder = write_finished(discs)
    report(["s"])
    assert "Report written" in capsys.readouterr().out
    out = folder.directory / "report"
    page = Page(out / "report.html")
    assert [each for each in page.addresses if not each.startswith(("data:", "#"))] == []
    text = " ".join(page.text)
    for words in ("Macro F1 by method", "Written for a test.", "Left out.", discs.card.fingerprint, "bench.report s"):
        assert words in text
    assert len(page.figures) == 10
    assert (out / "report.html").stat().st_size < 10e6
    assert (out / "report.html").read_text(encoding="utf-8").count("plotly.js v") == 1, "embedded once"
    names = {path.name for path in out.iterdir()}
    assert {"methods.csv", "methods.parquet", "trials.csv", "f1.png", "f1.svg", "map.svg", "columns.csv"} <= names
    read = pd.read_parquet(out / "trials.parquet")
    assert len(read) == len(load("s"))
    assert read["probe/f1_macro"].is_monotonic_decreasing


def test_hostile_names_are_text(write_finished, hostile_discs):
    folder = write_finished(hostile_discs)
    report(["s"], mlflow=False)
    out = folder.directory / "report"
    page = Page(out / "report.html")
    assert page.tags.count("script") == 2 + len(page.figures), "the two of the page, and its figures"
    assert all(each.startswith(("data:", "#")) for each in page.addresses)
    text = " ".join(page.text)
    assert "<img src=x onerror=alert(1)>" in text, "as it is written"
    assert "\x1b" not in text
    assert "\u202e" not in text
    drawn = json.dumps(page.figures)
    assert "&lt;img src=x onerror=alert(1)&gt;" in drawn, "plotly reads tags in its texts"
    assert "<img" not in drawn
    assert "$x_1$" in (out / "map.svg").read_text(encoding="utf-8"), "no formula"


def test_a_search_without_a_result_gets_the_sections_that_it_has(home, capsys):
    folder = SearchFolder(home / "searches" / "many")
    write_search(folder, 30, 3)
    report(["many"], mlflow=False)
    text = " ".join(Page(folder.directory / "report" / "report.html").text)
    assert "The search has not ended" in text
    assert "The data set /drawn is missing" in text
    assert "Cost by method" not in text
    assert len(Page(folder.directory / "report" / "report.html").figures) == 5


@pytest.mark.slow
def test_the_page_of_a_thousand_trials_is_below_10_mb(home):
    folder = SearchFolder(home / "searches" / "many")
    write_search(folder, 1000, 2)
    report(["many"], mlflow=False)
    path = folder.directory / "report" / "report.html"
    assert path.stat().st_size < 10e6
    assert path.read_text(encoding="utf-8").count("<tr") > 1000


def test_the_example_in_pandas_draws_figure_3(write_finished, discs, tmp_path, monkeypatch):
    import matplotlib as mpl

    write_finished(discs, "first")
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[3] / "docs" / "report.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0]
    assert len(code.strip().splitlines()) <= 10 + 1, "ten lines and an empty one"
    mpl.use("agg")
    exec(compile(code, "docs/report.md", "exec"), {})
    assert (tmp_path / "figure3.png").stat().st_size > 5000


def test_several_searches_have_one_page_and_folders_of_their_own(write_finished, discs, tmp_path, capsys):
    for name in ("s", "t"):
        write_finished(discs, name)
    refused(capsys, "add --out FOLDER", ["s", "t"])
    report(["s", "t", "s"], out=tmp_path / "new" / "out")
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == ["report.html", "s", "t"]
    text = (tmp_path / "new" / "out" / "report.html").read_text(encoding="utf-8")
    assert len(re.findall("<article>", text)) == 2
    assert text.count("plotly.js v") == 1


def test_an_unknown_search_is_named_before_anything_is_written(write_finished, discs, tmp_path, capsys):
    write_finished(discs)
    refused(capsys, "There is no search 'u'", ["s", "u"], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_an_error(write_finished, discs, tmp_path, capsys):
    write_finished(discs)
    (tmp_path / "file").write_text("")
    refused(capsys, r"cannot be made .* choose another with --out", ["s"], out=tmp_path / "file" / "out")


@pytest.mark.parametrize("content", [b"", b"no array", b"PK\x03\x04 cut short"])
def test_damaged_files_of_a_trial_leave_their_sections_out(write_finished, discs, content):
    folder = write_finished(discs)
    for path in [*folder.trials_directory.glob("*/embeddings.npz"), *folder.trials_directory.glob("*/*.png")]:
        path.write_bytes(content)
    evidence = gather("s", "test")
    assert "has no embeddings that can be read" in section(evidence, "map").missing
    assert section(evidence, "pictures").missing == "The pictures of mask_fixed, vae cannot be read."


def test_the_page_is_an_artifact_of_the_run_of_its_search(write_finished, discs, tmp_path, monkeypatch, capsys):
    from bench.tracking.client import connect, open_experiment

    folder = write_finished(discs)
    report(["s"])
    assert "not in MLflow, because MLflow does not have the result" in capsys.readouterr().err
    folder.mark_recorded()
    report(["s"])
    assert "The store has no run of s" in capsys.readouterr().err
    client = connect()
    tags = {"cellbench.search": "s", "mlflow.runName": "s"}
    run = client.create_run(open_experiment(client, "discs"), tags=tags).info.run_id
    report(["s"])
    assert "The page is an artifact" in capsys.readouterr().out
    assert [each.path for each in client.list_artifacts(run, "report")] == ["report/report.html"]


def test_every_column_has_a_meaning(evidence):
    found = describe(evidence.trials).set_index("column")
    assert found.loc["params/r_max", "unit"] == "native px"
    assert found.loc["params/lr", "unit"] == ""
    assert found.loc["cost/seconds"].tolist() == ["s", "time of the trial, scores included"]
    assert (found["meaning"] != "").all()


def test_the_versions_are_those_of_the_search_not_of_the_page(write_finished, discs):
    folder = write_finished(discs)
    facts = dict(section(gather("s", "newer"), "environment").facts)
    assert facts["versions of the search"].startswith("not recorded, because the search was started by an older")
    torch = {"torch": "2.0.1"}
    first = Environment(since=folder.request_path.stat().st_mtime, code="abc123", python="3.11.4", packages=torch)
    record_environment(folder.environment_path, first)
    facts = dict(section(gather("s", "newer"), "environment").facts)
    assert facts["versions of the search"] == "commit abc123, Python 3.11.4, torch 2.0.1"
    record_environment(folder.environment_path, first.model_copy(update={"since": 0.0, "code": "def456"}))
    facts = dict(section(gather("s", "newer"), "environment").facts)
    assert facts["versions from 1970-01-01 00:00 UTC"] == "commit def456, Python 3.11.4, torch 2.0.1"
    assert facts["page made"].endswith("by cellbench newer")


def test_open_shows_the_page_in_the_browser(write_finished, discs, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("webbrowser.open", lambda address: shown.append(address))
    folder = write_finished(discs)
    report(["s"], show=True, mlflow=False)
    assert shown == [(folder.directory / "report" / "report.html").as_uri()]
    assert "No browser was found" in capsys.readouterr().err
    assert "webbrowser" in sys.modules


@pytest.mark.slow
def test_the_report_of_a_trained_search_as_a_user_types_it(ended_search, tmp_path):
    home = ended_search.copy(tmp_path)
    output, _ = home.run("whole", "--no-mlflow", program="report")
    assert "Report written" in output
    text = (home.search("whole") / "report" / "report.html").read_text(encoding="utf-8")
    missing = set(re.findall(r'<section id="(\w+)-1" class="missing">', text))
    assert missing.isdisjoint({"table", "f1", "l1", "pictures", "classes", "natural", "map", "cost"})
    assert "not recorded, because" not in text, "the versions"
    home.run("--resume", "whole")  # what the report wrote does not disturb the search
