"""Reproductions on several data sets: ranks of the configurations that are the same on each."""

import numpy as np
import pandas as pd
import pytest

from bench.record.summary import Row
from bench.reporting.datasets_compared import comparison_of_datasets
from bench.reporting.report.evidence import Evidence
from bench.reporting.report.page import article
from bench.reporting.report.write import write_report

RADII = {"a": (10, 20), "b": (30, 60)}
"""Radii in native px that are the same share of the patch on both data sets."""


def reproduction(dataset, noise=0.0, **changes):
    """A reproduction in which the smaller radius is best, and the floor is worst."""
    small, large = (f"mask_fixed r_max {radius} px" for radius in RADII.get(dataset, RADII["a"]))
    f1 = {small: 0.7, large: 0.6, "vae": 0.5}
    rows = [Row(kind="method", name=name, f1_macro=value + noise, f1_std=0.01, n_seeds=3) for name, value in f1.items()]
    rows.append(Row(kind="floor", name="pca", f1_macro=0.4, f1_std=None))
    rows.append(Row(kind="ceiling", name="supervised", f1_macro=0.9, f1_std=None))
    values = {
        "name": f"r-{dataset}", "dataset": dataset, "answer": ("An answer.",), "remarks": (), "trials": pd.DataFrame(
            columns=["key", "outcome", "stage", "configuration", "method", "fold", "seed"]
        ), "rows": tuple(rows), "chosen": {}, "lengths": {}, "kind": "reproduction", "is_named": True,
        "shared_names": {small: "mask_fixed r_max 41 px", large: "mask_fixed r_max 82 px", "vae": "vae"},
    }  # fmt: skip
    return Evidence(**{**values, **changes})


def test_configurations_are_ranked_by_what_they_share():
    (section,) = comparison_of_datasets([reproduction("a"), reproduction("b", noise=0.02)]).sections
    (table,) = section.tables
    assert table.heads == ("", "average rank", "a", "b")
    assert table.rows == (
        ("mask_fixed r_max 41 px", "1.00", "0.700", "0.720"),
        ("mask_fixed r_max 82 px", "2.00", "0.600", "0.620"),
        ("vae", "3.00", "0.500", "0.520"),
        ("pca", "4.00", "0.400", "0.400"),
    )
    assert "Over 2 data sets, 4 methods" in section.words[0]
    (picture,) = section.pictures
    assert set(picture.files) == {"png", "svg"}


def test_a_row_that_a_data_set_lacks_is_left_out_and_named():
    other = reproduction("b")
    other = reproduction("b", rows=tuple(row for row in other.rows if row.name != "vae"))
    (section,) = comparison_of_datasets([reproduction("a"), other]).sections
    assert len(section.tables[0].rows) == 3
    assert section.words[-1] == "Left out, because a data set has no score of them: vae."


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([reproduction("a")], "have the same data set"),
        ([reproduction("b", rows=())], "python -m bench.reproduce --resume r-b continues one"),
        ([reproduction("b", rows=reproduction("b").rows[-2:-1])], "Ranks need two data sets and two methods"),
    ],
)
def test_without_ranks_the_page_says_why(others, message):
    (section,) = comparison_of_datasets([reproduction("a"), *others]).sections
    assert message in section.missing


def test_searches_and_a_single_reproduction_are_not_compared():
    assert comparison_of_datasets([reproduction("a")]) is None
    assert comparison_of_datasets([reproduction("a"), reproduction("b", kind="search")]) is None


def test_the_page_begins_with_the_comparison(tmp_path):
    reports = [reproduction("a"), reproduction("b")]
    path = write_report(reports, tmp_path, comparison_of_datasets(reports))
    text = path.read_text(encoding="utf-8")
    places = [text.index(f"<h1>{name}</h1>") for name in ("All data sets", "r-a", "r-b")]
    assert places == sorted(places)
    assert "data:image/png;base64," in text[: places[1]]
    assert {each.name for each in tmp_path.iterdir()} == {
        "report.html", "ranks.csv", "ranks.parquet", "critical-difference.png", "critical-difference.svg", "r-a", "r-b",
    }  # fmt: skip
    written = pd.read_parquet(tmp_path / "ranks.parquet")
    np.testing.assert_allclose(written["average_rank"], [1, 2, 3, 4])
    assert article(reports[0]).under == "Reproduction on the data set a"
