"""The share of the way from the strongest floor to the ceiling, by hand."""

import pytest

from bench.pipeline.summarise import with_shares
from bench.record.summary import Row, Summary
from bench.reporting.figures import draw_search
from bench.reporting.verdict import table
from bench.statistics.share import Lead, share_of_way


def lead(f1=0.2, low=0.1, high=0.3, words="95 % interval 0.100 to 0.300"):
    return Lead(f1, low, high, words)


@pytest.mark.parametrize(("f1", "share"), [(0.5, 0.0), (0.6, 0.5), (0.7, 1.0), (0.8, 1.5), (0.4, -0.5)])
def test_the_share_is_linear_from_the_floor_to_the_ceiling(f1, share):
    """Floor 0.5, ceiling 0.7."""
    assert share_of_way(f1, 0.5, lead()) == pytest.approx(share)


@pytest.mark.parametrize(
    ("found", "is_open"),
    [
        (lead(0.0199, 0.001, 0.04), False),
        (lead(0.0200, 0.001, 0.04), True),
        (lead(0.2, 0.0, 0.4), False),
        (lead(0.2, -0.1, 0.5), False),
        (lead(-0.2, -0.3, -0.1), False),
        (lead(0.2, None, None, "no interval: 3 of the 5 groups that one needs"), True),
    ],
)
def test_there_is_no_share_of_a_way_that_is_short_or_uncertain(found, is_open):
    assert found.is_open is is_open
    assert (share_of_way(0.6, 0.5, found) is not None) is is_open
    assert share_of_way(0.6, 0.5, None) is None


def summary(lead_f1=0.2, low=0.1, high=0.3, f1=0.6, **ceiling):
    rows = [
        Row(kind="method", name="vae", f1_macro=f1, f1_std=0.001, n_seeds=3, params={"lr": 0.1}),
        Row(kind="floor", name="pca", f1_macro=0.4, f1_std=0.0),
        Row(kind="floor", name="ring_profile", f1_macro=0.5, f1_std=0.0),
        Row(kind="ceiling", name="oracle", f1_macro=0.5 + lead_f1, f1_std=None, lead=lead_f1, lead_low=low,
            lead_high=high, lead_interval=f"95 % interval {low:.3f} to {high:.3f}").model_copy(update=ceiling),
    ]  # fmt: skip
    return Summary(
        search="s", dataset="d", winner="vae", rows=with_shares(rows), importances={"vae": {"how": "", "values": {}}},
        n_holdout=0, look=1, notes=[], final={}, seconds=1.0,
    )  # fmt: skip


def test_every_row_has_its_share_in_table_csv_mlflow_and_note():
    found = summary()
    assert [row.share for row in found.rows] == pytest.approx([0.5, -0.5, 0.0, 1.0])
    column = table(found, []).columns[2]
    assert (column.header, list(column.cells)) == ("of the way", ["50 %", "−50 %", "0 %", "100 %"])
    assert list(found.frame()["share"]) == pytest.approx([0.5, -0.5, 0.0, 1.0])
    assert found.metrics() == pytest.approx(
        {
            "floor/f1_macro": 0.5, "ceiling/f1_macro": 0.7, "ceiling/lead": 0.2, "ceiling/lead_low": 0.1,
            "ceiling/lead_high": 0.3, "ceiling/share": 0.5,
        }
    )  # fmt: skip
    sentence = (
        "vae goes 50 % of the way from the strongest floor to the ceiling; oracle is 0.200 above ring_profile "
        "(95 % interval 0.100 to 0.300)."
    )
    assert found.way() == sentence
    assert sentence in found.tags()["mlflow.note.content"]
    assert found.tags()["cellbench.floor"] == "ring_profile"


def test_a_floor_that_reaches_the_ceiling_is_said_in_place_of_a_share():
    found = summary(0.05, -0.01, 0.11)
    assert [row.share for row in found.rows] == [None] * 4
    assert list(table(found, []).columns[2].cells) == ["–"] * 4
    assert "ceiling/share" not in found.metrics()
    assert found.way() == (
        "No share of the way: the floor reaches the ceiling at this size; oracle is 0.050 above ring_profile "
        "(95 % interval -0.010 to 0.110)."
    )


def test_a_summary_of_an_older_version_has_no_share():
    found = summary(lead=None, lead_low=None, lead_high=None, lead_interval="")
    assert found.way() == ""
    assert [row.share for row in found.rows] == [None] * 4
    assert found.metrics() == {"floor/f1_macro": 0.5, "ceiling/f1_macro": pytest.approx(0.7)}


@pytest.mark.parametrize(("low", "shown"), [(0.1, {"50 %", "−50 %", "0 %", "100 %"}), (-0.1, set())])
def test_the_figure_shows_the_shares_or_why_there_are_none(tmp_path, monkeypatch, low, shown):
    from matplotlib.figure import Figure

    kept = []
    monkeypatch.setattr(Figure, "savefig", lambda self, part, **_: (kept.append(self), part.touch()))
    draw_search(summary(0.2, low), [], tmp_path / "figure.png")
    bars = kept[0].axes[0]
    assert {text.get_text() for text in bars.texts} == shown
    title = bars.get_title(loc="left")
    assert ("share of the way" if shown else "the floor reaches the ceiling at this size") in title
