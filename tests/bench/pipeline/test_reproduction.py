"""A reproduction: the rows of its table, and that a killed one continues to the same table."""

import subprocess
import sys

import pandas as pd
import pytest
from programs import SMALL, Home, kill, wait_until

from bench.pipeline.final_scores import FinalScore
from bench.pipeline.reproduction import best_of_note, reproduced_rows
from bench.record.reproduction import Reproduction
from bench.record.trial import TrialRecord
from bench.results import _state
from bench.space.protocol import Entry
from bench.statistics.comparison.repeated_folds import estimate
from cellbench.errors import DataError, SettingError
from cellbench.training.configuration import Configuration

PROTOCOL = tuple(
    Entry(name=name, shared_name=name, origin="paper", configuration=Configuration(method="vae", latent_dim=number))
    for number, name in enumerate(("vae", "good", "broken"), start=1)
)
F1 = {"vae": [0.50, 0.52, 0.51, 0.49, 0.53], "good": [0.61, 0.62, 0.60, 0.60, 0.65]}


def record(name, fold, outcome="completed"):
    entry = next(entry for entry in PROTOCOL if entry.name == name)
    metrics = {}
    if outcome == "completed":
        metrics = {"probe/f1_macro": F1[name][fold], "val/ssim_cell": [0.3, 0.5, 0.4, 0.1, 0.2][fold]}
    return TrialRecord(
        key=f"{name}-{fold}", number=fold, stage="protocol", method="vae", configuration=entry.configuration.id,
        params=entry.configuration.flat(), fold=fold, seed=1000, epochs=1, outcome=outcome, metrics=metrics,
        started=100.0, ended=102.0,
    )  # fmt: skip


@pytest.fixture
def records():
    return [record(name, fold) for name in F1 for fold in range(5)] + [record("broken", 0, "failed")]


@pytest.fixture
def rows(records):
    floors = [FinalScore("floor", name, 1, f1, None, None) for name, f1 in (("pca", 0.55), ("random", 0.3))]
    return reproduced_rows(PROTOCOL, records, floors)


def test_configurations_come_by_falling_f1_and_one_without_a_score_has_no_row(rows):
    assert [(row.kind, row.name) for row in rows] == [
        ("method", "good"), ("method", "vae"), ("floor", "pca"), ("floor", "random"),
    ]  # fmt: skip


def test_a_row_has_the_mean_over_folds_with_its_interval_and_the_two_folds_of_the_paper(rows):
    good = rows[0]
    expected = estimate([[value] for value in F1["good"]], 0.2)
    assert (good.f1_macro, good.f1_low, good.f1_high) == pytest.approx((0.616, expected.low, expected.high))
    assert (good.f1_best, good.f1_worst) == (0.62, 0.60), "of the folds with the highest and the lowest SSIM"
    assert good.scores["val/ssim_cell"] == pytest.approx(0.3)
    assert (good.n_completed, good.n_failed, good.seconds) == (5, 0, 10.0)


def test_each_is_compared_with_vae_and_with_the_strongest_floor(rows):
    against = {each.reference: each for each in rows[0].against}
    assert against["vae"].difference == pytest.approx(0.106)
    assert against["vae"].verdict == "better"
    assert against["pca"].difference == pytest.approx(0.066)
    assert [each.reference for each in rows[1].against] == ["pca"], "vae is not compared with itself"


def test_the_best_of_several_is_said_to_be_chosen(records):
    (sentence,) = best_of_note(PROTOCOL[:2], records)
    assert sentence.startswith("The best of 2 methods is 0.053 above their mean")


def test_the_outcome_is_read_as_it_was_written(rows, folder, make_request):
    outcome = Reproduction(name="test", dataset="discs", rows=rows, notes=["A note."], seconds=1.0)
    assert Reproduction.read(folder) is None
    outcome.write(folder)
    assert folder.has_ended
    assert Reproduction.read(folder) == outcome
    assert _state(folder, make_request(protocol=PROTOCOL)) == "reproduced: good has the highest F1"
    assert outcome.verdict().startswith("Of 2 configurations, good has the highest mean macro F1, 0.616 (95 % interval")
    assert outcome.frame().set_index("name").loc["good", "vae/difference"] == pytest.approx(0.106)
    folder.reproduction_path.write_text("{}")
    with pytest.raises(DataError, match=r"is damaged; remove it, and python -m bench\.reproduce --resume test"):
        Reproduction.read(folder)


def test_a_reproduction_is_not_continued_as_a_search(make_request):
    with pytest.raises(SettingError, match=r"python -m bench\.reproduce --resume test"):
        make_request(protocol=PROTOCOL).check_searches()


def test_a_search_is_not_continued_as_a_reproduction(make_request):
    with pytest.raises(SettingError, match=r"test is a search; continue it with python -m bench\.search --resume test"):
        make_request().check_reproduces()


RUN = """
import bench.planning.reproduction as planning
import bench.reproduce
made = planning.paper_entries
planning.paper_entries = lambda *given: [each for each in made(*given) if each.name in ("vae", "noise sigma 50")]
bench.reproduce.app()
"""
"""The program with two configurations."""


@pytest.fixture
def start(discs, tmp_path):
    """Return a home, and a function that starts the program in it on `discs`."""
    home = Home(tmp_path, discs)
    options = ("--dataset", "discs", "--epochs", "2", "--folds", "2", "--supervised", "none", "--concurrent", "1",
               "--cpus-per-trial", "1", "--no-oracle", "--views", "1", *SMALL)  # fmt: skip

    def start(name):
        return subprocess.Popen(
            [sys.executable, "-c", RUN, *options, "--name", name], env=home.environment, cwd=home.path, text=True,
            process_group=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return home, start


def ended(process):
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, output + errors
    return output


@pytest.mark.slow
def test_it_ends_with_the_comparison_and_has_a_report(start):
    home, program = start
    output = ended(program("whole"))
    assert "2 configurations × 2 folds on discs" in output
    assert "Predicted cost: 4 trainings, " in output
    assert "Of 2 configurations, " in output
    assert "− vae" in output
    assert "With fewer than five folds, equal configurations are called different" in output
    assert len(home.records("whole")) == 4
    assert len({record["seed"] for record in home.records("whole").values()}) == 2, "a seed for each fold"
    assert len(home.runs("whole")) == 1 + 4
    assert not (home.search("whole") / ".look").exists(), "the holdout is not used"
    home.run("whole", "--no-mlflow", program="report")
    page = (home.search("whole") / "report" / "report.html").read_text()
    for part in ("Reproduction on the data set discs", "noise sigma 50", "Paired differences of macro F1", "fold with"):
        assert part in page


@pytest.mark.long
def test_killed_and_resumed_it_gives_the_identical_table(start):
    home, program = start
    ended(program("whole"))
    process = program("killed")
    assert wait_until(lambda: len(list(home.search("killed").glob("trials/*/result.json"))) >= 2)
    kill(process)
    assert wait_until(lambda: home.processes() == [], 180)
    finished = {path: path.stat().st_mtime_ns for path in home.search("killed").glob("trials/*/result.json")}
    assert 2 <= len(finished) < 4
    home.run("--resume", "killed", program="reproduce")
    assert {path: path.stat().st_mtime_ns for path in finished} == finished, "no training is repeated"
    tables = [pd.read_csv(home.search(name) / "table.csv").drop(columns="seconds") for name in ("whole", "killed")]
    pd.testing.assert_frame_equal(*tables)
