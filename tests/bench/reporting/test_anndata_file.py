"""Embeddings of a search as AnnData."""

import sys

import numpy as np
import pytest

from bench.home.environment import Environment, record_environment
from bench.report import report
from bench.reporting.report.gather import gather


def refused(capsys, message, *arguments, **options):
    with pytest.raises(SystemExit) as ended:
        report(*arguments, mlflow=False, **options)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err.replace("\n", " ")


@pytest.fixture
def installed():
    """The package anndata."""
    return pytest.importorskip("anndata", reason="pip install anndata")


def test_without_its_package_it_is_an_error_that_names_it(write_finished, discs, monkeypatch, capsys, tmp_path):
    folder = write_finished(discs)
    monkeypatch.setitem(sys.modules, "anndata", None)
    refused(capsys, "install it with pip install 'cellbench[anndata]'.", ["s"], anndata=tmp_path / "s.h5ad")
    assert not (folder.directory / "report").exists()


def test_a_method_without_a_file_is_an_error(write_finished, discs, capsys):
    write_finished(discs)
    refused(capsys, "add --anndata FILE.h5ad", ["s"], method="vae")


def test_the_winners_embeddings_are_written_with_labels_groups_and_origin(installed, write_finished, discs, tmp_path):
    folder = write_finished(discs)
    record_environment(folder.environment_path, Environment.present("abc123"))
    report(["s"], mlflow=False, anndata=tmp_path / "s.h5ad")
    found = installed.read_h5ad(tmp_path / "s.h5ad")
    trial = gather("s", "test").trainings_of("mask_fixed").sort_values("seed").iloc[0]
    stored = np.load(folder.trial(trial["key"]).directory / "embeddings.npz")
    rows = discs.rows("labelled")
    assert np.array_equal(found.X, stored["labelled"])
    assert found.obs["row"].tolist() == rows.tolist()
    assert found.obs["label"].tolist() == discs.index["label"].iloc[rows].tolist()
    assert found.obs["group"].tolist() == discs.index["group"].iloc[rows].tolist()
    assert found.obs_names.tolist() == discs.index["id"].iloc[rows].tolist()
    about = found.uns["cellbench"]
    assert about["fingerprint"] == discs.card.fingerprint
    assert (about["method"], about["configuration"]) == ("mask_fixed", trial["configuration"])
    assert about["params"]["r_max"] == trial["params/r_max"]
    assert about["settings"]["network_size"] == 16
    assert "commit abc123" in about["versions"]
    assert "fold" not in about, "it saw the whole pool"


def test_another_method_can_be_chosen_and_an_unknown_one_is_named(installed, write_finished, discs, tmp_path, capsys):
    write_finished(discs)
    report(["s"], mlflow=False, anndata=tmp_path / "s.h5ad", method="vae")
    assert installed.read_h5ad(tmp_path / "s.h5ad").uns["cellbench"]["method"] == "vae"
    assert "of vae" in capsys.readouterr().out
    refused(capsys, "s has no method 'rae'", ["s"], anndata=tmp_path / "t.h5ad", method="rae")
    assert not (tmp_path / "t.h5ad").exists()


@pytest.mark.parametrize(
    ("names", "path", "message"),
    [
        (["s"], "s.csv", "the name of the file ends with .h5ad"),
        (["s"], "missing/s.h5ad", "there is no folder"),
        (["s", "t"], "s.h5ad", "name one search"),
    ],
)
def test_a_file_that_cannot_be_written_is_an_error_before_the_report(
    installed, write_finished, discs, tmp_path, capsys, names, path, message
):
    for name in names:
        folder = write_finished(discs, name)
    refused(capsys, message, names, anndata=tmp_path / path, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (folder.directory / "report").exists()


def test_damaged_embeddings_are_an_error(installed, write_finished, discs, tmp_path, capsys):
    folder = write_finished(discs)
    for path in folder.trials_directory.glob("*/embeddings.npz"):
        path.write_bytes(b"")
    refused(capsys, "has no embeddings that can be read", ["s"], anndata=tmp_path / "s.h5ad")
    assert list(tmp_path.glob("*.h5ad*")) == []
