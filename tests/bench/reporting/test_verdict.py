"""What a search prints at its end, and the metrics that tables and objectives name."""

import pytest

from bench.record.summary import Row, Summary
from bench.reporting.verdict import few_labels_table, holdout_sentence, score_columns, table
from bench.space.objectives import OBJECTIVES, parse_objectives
from cellbench.scores.metrics import find_metric


@pytest.mark.parametrize(
    ("objectives", "columns"),
    [
        ("f1", ["SSIM", "L1", "leakage"]),
        ("l1_core", ["SSIM", "L1", "leakage"]),
        ("label_free", ["SSIM", "content", "leakage"]),
        ("f1,label_free", ["SSIM", "content", "leakage"]),
    ],
)
def test_the_table_of_methods_shows_listed_metrics_and_the_optimised_one(objectives, columns):
    assert [metric.column for metric in score_columns(parse_objectives(objectives))] == columns


def test_a_score_that_a_method_lacks_is_a_dash():
    row = Row(kind="method", name="vae", f1_macro=0.5, f1_std=None, scores={"latent/leakage": 0.25})
    summary = Summary(
        search="s", dataset="d", winner="vae", rows=[row], importances={}, n_holdout=0, look=1, notes=[], final={},
        seconds=1.0,
    )  # fmt: skip
    found = table(summary, score_columns(parse_objectives("f1")))
    assert [next(iter(column.cells)) for column in found.columns[4:7]] == ["–", "–", "0.250"]


def test_scores_with_few_labels_have_a_table_and_columns_of_their_own():
    rows = [
        Row(kind="method", name="vae", f1_macro=0.5, f1_std=None, few_labels={20: 0.4, 5: 0.3}),
        Row(kind="floor", name="pca", f1_macro=0.45, f1_std=None, few_labels={5: 0.35}),
        Row(kind="ceiling", name="supervised", f1_macro=0.8, f1_std=None),
    ]
    summary = Summary(
        search="s", dataset="d", winner="vae", rows=rows, importances={}, n_holdout=0, look=1, notes=[], final={},
        seconds=1.0,
    )  # fmt: skip
    summary = Summary.model_validate_json(summary.model_dump_json())
    found = few_labels_table(summary)
    assert [list(column.cells) for column in found.columns] == [
        ["vae", "floor pca"], ["0.300", "0.350"], ["0.400", "–"], ["0.500", "0.450"],
    ]  # fmt: skip
    frame = summary.frame()
    assert frame["f1_macro_5"].tolist()[:2] == [0.3, 0.35]
    assert frame["f1_macro_20"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize("name", ["f1", "ssim", "label_free", "l1_core"])
def test_an_objective_optimises_metrics_of_the_table_in_their_direction(name):
    objective = OBJECTIVES.get(name)
    for metric in map(find_metric, (objective.rung, objective.final)):
        assert metric.direction == ("max" if objective.sign > 0 else "min")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("95 % interval 0.400 to 0.600", "Holdout: macro F1 0.500 (95 % interval 0.400 to 0.600, 9 patches). "),
        ("no interval: 4 of the 5 groups that one needs", "0.500 (no interval: 4 of the 5 groups that one needs, 9"),
        ("", "0.500 (no interval: an older version scored it, 9 patches)"),
    ],
)
def test_the_holdout_is_shown_with_its_interval_or_why_there_is_none(words, shown):
    row = Row(
        kind="method", name="vae", f1_macro=0.5, f1_std=None, holdout=0.5, holdout_low=0.4, holdout_high=0.6,
        holdout_interval=words,
    )  # fmt: skip
    found = Summary(
        search="s", dataset="d", winner="vae", rows=[row], importances={}, n_holdout=9, look=1, notes=[], final={},
        seconds=1.0,
    )  # fmt: skip
    assert shown in holdout_sentence(found)
