"""The summary of a search: old files are read, unknown metrics are refused."""

import json

import pytest

from bench.record.summary import Row, Summary
from cellbench.errors import DataError, NotFoundError

WRITTEN_BEFORE = {
    "search": "old", "dataset": "discs", "winner": "mask_fixed",
    "rows": [
        {
            "kind": "method", "name": "mask_fixed", "configuration": "0123456789", "params": {"r_max": 14.0},
            "f1_macro": 0.7, "f1_std": 0.01, "n_seeds": 2, "scores": {"val/ssim_cell": 0.4, "val/l1_core": 0.1},
            "holdout": 0.6, "holdout_low": 0.5, "holdout_high": 0.7, "n_trials": 4, "n_completed": 3, "n_pruned": 1,
            "n_failed": 0, "seconds": 12.5, "patches": 900.0,
        },
        {
            "kind": "floor", "name": "pca", "configuration": "", "params": {}, "f1_macro": 0.5, "f1_std": 0.02,
            "n_seeds": 1, "scores": {}, "holdout": 0.4, "holdout_low": 0.3, "holdout_high": 0.5, "n_trials": 0,
            "n_completed": 0, "n_pruned": 0, "n_failed": 0, "seconds": 0.0, "patches": 0.0,
        },
    ],
    "importances": {"mask_fixed": {"how": "fANOVA", "values": {"r_max": 1.0}}},
    "n_holdout": 18, "look": 2, "notes": ["Transductive."], "final": {"probe/f1_macro": 0.7, "probe/f1/large": 0.8},
    "seconds": 20.0, "front": [], "n_spared": 0,
    "response": {
        "method": "mask_fixed", "parameter": "r_max", "objective": "f1", "winner": "0123456789", "points": [],
        "radii": [10.0, 14.0, 20.0], "mean": [0.6, 0.7, 0.6], "low": [0.5, 0.6, 0.5], "high": [0.7, 0.8, 0.7],
        "noise": 0.02, "best": 14.0, "will_do": [[12.0, 16.0]], "reason": "",
    },
}  # fmt: skip
"""A `summary.json` as version 0.1.0 wrote it."""


def summary(**changes):
    rows = [
        Row(kind="method", name="vae", f1_macro=0.7, f1_std=0.01),
        Row(kind="floor", name="pca", f1_macro=0.6, f1_std=0),
    ]
    fields = {
        "search": "s", "dataset": "d", "winner": "vae", "rows": rows, "importances": {}, "n_holdout": 9, "look": 1,
        "notes": [], "final": {}, "seconds": 1.0,
    }  # fmt: skip
    return Summary(**{**fields, **changes})


def test_a_summary_of_version_0_1_0_is_read(folder):
    folder.summary_path.write_text(json.dumps(WRITTEN_BEFORE))
    found = Summary.read(folder)
    assert found is not None
    assert found.best.params == {"r_max": 14.0}
    assert found.look == 2
    assert found.metrics() == {
        "probe/f1_macro": 0.7, "probe/f1/large": 0.8, "val/ssim_cell": 0.4, "val/l1_core": 0.1,
        "holdout/f1_macro": 0.6, "holdout/f1_low": 0.5, "holdout/f1_high": 0.7, "floor/f1_macro": 0.5,
        "response/r_max_best": 14.0, "response/r_max_low": 12.0, "response/r_max_high": 16.0, "response/noise": 0.02,
    }  # fmt: skip


def test_what_is_written_is_read_again(folder):
    assert Summary.read(folder) is None
    summary().write(folder)
    assert Summary.read(folder) == summary()


@pytest.mark.parametrize("text", ["", "{}", "null", '{"search": "s"'])
def test_a_damaged_summary_is_an_error_that_says_what_to_do(folder, text):
    folder.summary_path.write_text(text)
    with pytest.raises(DataError, match=r"is damaged; remove it, and --resume test writes it again"):
        Summary.read(folder)


def test_a_metric_that_the_table_lacks_does_not_reach_mlflow():
    with pytest.raises(NotFoundError, match="There is no metric 'probe/f1_marco'"):
        summary(final={"probe/f1_marco": 0.5}).metrics()


def test_the_table_has_a_column_for_each_score_of_unseen_patches():
    columns = [name for name in summary().frame().columns if "/" in name]
    assert columns == [
        "val/ssim_cell",
        "val/l1_cell",
        "val/l1_core",
        "val/l1_core_native",
        "latent/leakage",
        "latent/cell_content",
    ]
