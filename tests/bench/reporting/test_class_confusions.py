"""F1 at natural class frequencies and F1 that forgives neighbours, in the report of a search that was written."""

import shutil

import numpy as np
import pandas as pd
import pytest

from bench.report import report
from bench.reporting.report.gather import gather
from bench.reporting.report.page import article
from bench.reporting.report.sections.class_confusions import mean_f1
from cellbench.patches import PatchSet
from cellbench.scores.confusions import Confusions


@pytest.fixture
def staged(discs, tmp_path):
    """The discs, whose sizes are stages."""
    shutil.copytree(discs.path, tmp_path / "staged")
    patch_set = PatchSet.open(tmp_path / "staged")
    patch_set.record_classes([["large", "red", "small"]], {"large": 1, "red": 2, "small": 7})
    return patch_set


def section(evidence, key):
    return next(each for each in article(evidence).sections if each.key == key)


def row(made, name, table=0):
    frame = made.tables[table].frame
    return frame[frame["name"] == name].iloc[0]


def test_the_mean_is_over_trainings_and_seeds_of_the_probe():
    first = Confusions(("a", "b"), np.array([[[2, 0], [0, 2]], [[0, 2], [2, 0]]]))
    second = Confusions(("a", "b"), np.array([[[2, 0], [0, 2]], [[2, 0], [0, 2]]]))
    assert mean_f1([first, second], lambda table: table).tolist() == [0.75, 0.75]


def test_as_measured_is_the_f1_of_the_records_and_the_natural_one_is_that_of_the_weighted_matrix(
    write_finished, staged
):
    folder = write_finished(staged)
    evidence = gather(folder.name, "test")
    made = section(evidence, "natural")
    assert not made.missing
    assert "those of the data set's card" in " ".join(made.words)
    names = made.tables[0].frame["name"].tolist()
    assert names == ["mask_fixed", "vae", "floor pca", "floor random"]
    counts = Confusions.read(folder.trial(evidence.trainings_of("vae")["key"].iloc[0]).directory / "confusion.json")
    own = [
        Confusions.read(folder.trial(key).directory / "confusion.json").counts[0]
        for key in evidence.trainings_of("vae")["key"]
    ]
    assert len(own) == 3, "the fresh seeds"
    assert counts.classes == ("large", "red", "small")
    natural = []
    for table in own:  # of 100 cells, 10 are large, 20 red and 70 small
        weighted = table / table.sum(axis=1, keepdims=True) * np.array([[10], [20], [70]])
        natural.append(2 * np.diag(weighted) / (weighted.sum(axis=0) + weighted.sum(axis=1)))
    found = row(made, "vae")
    assert found["f1_natural"] == pytest.approx(np.mean(natural))
    assert found["f1_natural_weighted"] == pytest.approx(np.mean(natural, axis=0) @ [0.1, 0.2, 0.7])
    plain = [2 * np.diag(table) / (table.sum(axis=0) + table.sum(axis=1)) for table in own]
    assert found["f1_macro"] == pytest.approx(np.mean(plain))
    classes = made.tables[1].frame
    assert classes[classes["name"] == "vae"]["frequency"].tolist() == pytest.approx([0.1, 0.2, 0.7])


def test_without_published_frequencies_those_of_the_pool_are_used_and_named(write_finished, discs):
    evidence = gather(write_finished(discs).name, "test")
    words = " ".join(section(evidence, "natural").words)
    assert "The card has no published frequencies, so they are those of the patches of the pool" in words
    assert "python -m bench.datasets set discs --class-frequencies" in words
    pool = discs.labels(discs.rows("pool"))
    assert evidence.classes.frequencies == pytest.approx(np.bincount(pool) / len(pool))


def test_neighbours_of_the_cards_order_are_forgiven(write_finished, staged):
    evidence = gather(write_finished(staged).name, "test")
    made = section(evidence, "neighbours")
    assert "large – red – small" in made.words[0]
    # Errors are the next class: large → red and red → small are neighbours, small → large is two stages away.
    wrong = evidence.classes.confusions["floor pca"][0].counts[0].copy()
    np.fill_diagonal(wrong, 0)
    found = row(made, "floor pca")
    assert found["neighbour_share_of_errors"] == pytest.approx((wrong[0, 1] + wrong[1, 2]) / wrong.sum())
    hits = evidence.classes.confusions["floor pca"][0].counts[0].sum(axis=1) - [0, 0, wrong[2, 0]]
    right = np.array([2 * hits[0] / (2 * hits[0] + wrong[2, 0]), 1, 2 * hits[2] / (2 * hits[2] + wrong[2, 0])])
    assert found["f1_forgiving"] == pytest.approx(right.mean())
    assert found["f1_forgiving"] > found["f1_macro"]


def test_a_card_without_an_order_is_said_to_have_none(write_finished, discs):
    missing = section(gather(write_finished(discs).name, "test"), "neighbours").missing
    assert "python -m bench.datasets set discs --class-order PMY,MY,MMY,BNE,SNE writes one." in missing


def test_a_search_of_an_older_version_says_that_it_recorded_no_confusion_matrix(write_finished, staged):
    folder = write_finished(staged)
    folder.confusions_path.unlink()
    for path in folder.trials_directory.glob("*/confusion.json"):
        path.unlink()
    evidence = gather(folder.name, "test")
    for key in ("natural", "neighbours"):
        assert "older versions recorded none; a new search does" in section(evidence, key).missing


@pytest.mark.parametrize("content", ["", '{"classes": ["a", "b"], "counts": [[[1, 0], [0, 1]]]}'])
def test_a_damaged_matrix_and_one_of_other_classes_leave_the_sections_out(write_finished, staged, content):
    folder = write_finished(staged)
    for path in folder.trials_directory.glob("*/confusion.json"):
        path.write_text(content)
    missing = section(gather(folder.name, "test"), "natural").missing
    assert ("confusion.json is damaged" in missing) or ("other classes than the data set" in missing)


def test_both_sections_have_files(write_finished, staged):
    folder = write_finished(staged)
    report([folder.name], mlflow=False)
    out = folder.directory / "report"
    for key in ("natural", "neighbours"):
        for ending in ("csv", "parquet", "png", "svg"):
            assert (out / f"{key}.{ending}").stat().st_size > 100
    assert len(pd.read_parquet(out / "natural_classes.parquet")) == 4 * 3
