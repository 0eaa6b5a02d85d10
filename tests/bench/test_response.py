"""The program that prints a response curve."""

import pandas as pd
import pytest
from programs import SMALL, Home


@pytest.fixture
def home(discs, tmp_path):
    return Home(tmp_path / "home", discs)


def test_a_bad_radius_is_one_sentence(home):
    for radii, message in (
        ("6,x", "--radii must be numbers separated by commas"),
        ("6,99", "below 28 px, where the corners of a patch are"),
    ):
        _, errors = home.run("--dataset", "discs", "--radii", radii, program="response", expect=2)
        assert message in errors


def test_a_file_that_cannot_be_written_is_named_before_anything_is_trained(home):
    _, errors = home.run("--dataset", "discs", "--csv", "nowhere/curve.csv", program="response", expect=2)
    assert "--csv nowhere/curve.csv: there is no folder" in errors
    assert "epoch" not in errors


@pytest.mark.slow
def test_a_curve_is_printed_and_written(home):
    table = home.path / "curve.csv"
    output, errors = home.run(
        "--dataset", "discs", "--radii", "6,12,25", "--epochs", "2", "--fine-tune", "1", "--csv", table, "--views", "1",
        *SMALL[:-1], program="response",
    )  # fmt: skip
    assert "all radii: epoch 2 of 2" in errors
    assert "12 px (6.0 µm)" in output
    assert "best of the curve" in output
    assert "fine-tuned" in output
    assert "patches × 256 px" in output
    frame = pd.read_csv(table)
    assert frame["r_max"].tolist()[:3] == [6, 12, 25]
    assert frame["stage"].tolist() == ["curve"] * 3 + ["fine-tuned"]
    assert frame["r_max"][3] == frame["r_max"][frame["f1_macro"][:3].idxmax()]
