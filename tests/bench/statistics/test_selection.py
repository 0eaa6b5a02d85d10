"""Finalists, winners, importances of hyperparameters, and the verdict."""

import numpy as np
import pytest

from bench.pipeline.summarise import _screened
from bench.record.jobs import configuration_of
from bench.record.summary import Row, Summary
from bench.record.trial import TrialRecord
from bench.space.objectives import OBJECTIVES
from bench.space.reader import load_space
from bench.statistics.importance import importances
from bench.statistics.selection import finalists, finalists_of_all, fresh_scores, standings
from cellbench.errors import TrainingError
from cellbench.training.configuration import Configuration

F1, L1 = OBJECTIVES.get("f1"), OBJECTIVES.get("l1_core")


def trial(r_max, value, fold=0, stage="search", outcome="completed", number=0, seed=0, **changes):
    params = {"r_max": float(r_max), "normalize": True, "shape": "sqrt", "lr": 1e-3, "beta": 1e-3, "latent_dim": 256}
    params |= changes
    common = {name: params[name] for name in ("lr", "beta", "latent_dim")}
    own = {name: value for name, value in params.items() if name not in common}
    identity = Configuration(method="mask_fixed", params=own, **common).id
    metrics = {"probe/f1_macro": value, "val/l1_core": value} if outcome == "completed" else {"rung/f1_macro": value}
    return TrialRecord(
        key=f"{identity}-{stage}-{fold}-{seed}", number=number, stage=stage, method="mask_fixed",
        configuration=identity, params=params, fold=fold, seed=seed, epochs=3, outcome=outcome, metrics=metrics,
        reason="The loss is nan." if outcome == "failed" else None,
    )  # fmt: skip


def radii(configurations):
    return [configuration.params["r_max"] for configuration in configurations]


def test_a_screened_search_judges_finalists_by_their_full_trainings_alone(make_request):
    plain, screened = make_request(n_folds=2), make_request(n_folds=2, screen_size=16)
    records = [trial(50, 0.9), trial(50, 0.5, stage="folds"), trial(60, 0.6, stage="folds"), trial(60, 0.7)]
    assert (plain.further_folds, screened.further_folds) == ([1], [0, 1])
    assert plain.judged(records) == records
    assert [record.metrics["probe/f1_macro"] for record in screened.judged(records)] == [0.5, 0.6]
    (note,) = _screened(screened, records)
    assert note.endswith("the configuration with the best trial is number 2 of 2 finalists, on the same fold.")
    assert _screened(plain, records) == []


def test_finalists_of_all_are_the_best_whatever_their_method():
    other = trial(70, 0.8, number=1).model_copy(update={"method": "mask_sampled"})
    tried = [trial(50, 0.5), other, trial(60, 0.7), trial(80, 0.9, outcome="pruned")]
    found = finalists_of_all(tried, ["mask_fixed", "mask_sampled", "vae"], F1, 2)
    assert {method: radii(each) for method, each in found.items()} == {"mask_sampled": [70.0], "mask_fixed": [60.0]}
    assert [each.method for each in found["mask_sampled"]] == ["mask_sampled"]
    with pytest.raises(TrainingError, match="None of the 1 trials of mask_fixed was completed"):
        finalists_of_all([trial(50, 0.5, outcome="failed")], ["mask_fixed", "vae"], F1, 2)


def test_finalists_are_the_best_of_the_completed_trials():
    tried = [trial(50, 0.5), trial(60, 0.7), trial(70, 0.9, outcome="pruned"), trial(80, 0.6)]
    assert radii(finalists(tried, "mask_fixed", [F1], 2)) == [60.0, 80.0]
    assert radii(finalists(tried, "mask_fixed", [L1], 2)) == [50.0, 80.0], "less is better"
    assert radii(finalists(tried, "mask_fixed", [F1], 9)) == [60.0, 80.0, 50.0]


def test_a_configuration_survives_its_record():
    record = trial(50, 0.5)
    assert configuration_of(record).id == record.configuration
    assert configuration_of(TrialRecord.model_validate_json(record.model_dump_json())).id == record.configuration


def test_a_method_without_a_completed_trial_says_why():
    with pytest.raises(TrainingError, match=r"None of the 2 trials of mask_fixed .* the first failed: The loss is nan"):
        finalists([trial(50, 0.0, outcome="failed"), trial(60, 0.4, outcome="pruned")], "mask_fixed", [F1], 3)


def test_the_winner_has_the_best_mean_over_folds():
    tried = [trial(50, 0.70), trial(60, 0.69)]
    folds = [trial(50, 0.5, 1, "folds"), trial(60, 0.6, 1, "folds")]
    found = standings([*tried, *folds], finalists(tried, "mask_fixed", [F1], 2), F1)
    assert radii(standing.configuration for standing in found) == [60.0, 50.0]
    assert found[0].mean == pytest.approx(0.645)


def test_a_finalist_that_failed_on_a_fold_comes_last():
    tried = [trial(50, 0.9), trial(60, 0.5)]
    folds = [trial(50, 0.0, 1, "folds", "failed"), trial(60, 0.5, 1, "folds")]
    found = standings([*tried, *folds], finalists(tried, "mask_fixed", [F1], 2), F1)
    assert radii(standing.configuration for standing in found) == [60.0, 50.0]


def test_without_a_completed_fresh_seed_the_error_has_the_reason():
    failed = trial(50, 0.0, None, "final", "failed")
    with pytest.raises(TrainingError, match=r"fresh seed was completed\. The first failed: The loss is nan"):
        fresh_scores([failed], configuration_of(failed))


def many(n, seed=0):
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n):
        r_max, lr = rng.uniform(30, 120), float(10 ** rng.uniform(-3.4, -2.6))
        found.append(trial(r_max, 1 - abs(r_max - 40) / 100 + rng.normal(0, 0.005), number=number, lr=lr))
    return found


@pytest.mark.parametrize(("n", "how"), [(40, "fANOVA over 40"), (8, "rank correlations over only 8")])
def test_the_parameter_that_matters_is_found(n, how):
    found = importances(many(n), load_space("mask_fixed"), F1)
    assert how in found.how
    assert next(iter(found.values)) == "r_max"
    assert sum(found.values.values()) == pytest.approx(1)
    assert set(found.values) == {"r_max", "lr"}, "what did not vary has no importance"


@pytest.mark.parametrize("tried", [[], many(3), [trial(50, 0.5, number=number) for number in range(5)]])
def test_too_few_trials_have_nothing_to_say(tried):
    assert importances(tried, load_space("mask_fixed"), F1).values == {}


def summary(f1, floor, std=0.01, n_seeds=3, floor_std=0.0, untrained=0.1):
    rows = [
        Row(kind="method", name="vae", f1_macro=f1, f1_std=std, n_seeds=n_seeds, holdout=0.5, holdout_low=0.4,
            holdout_high=0.6),
        Row(kind="floor", name="pca", f1_macro=floor - 0.1, f1_std=0.0),
        Row(kind="floor", name="pca_masked", f1_macro=floor, f1_std=floor_std),
        Row(kind="floor", name="random", f1_macro=untrained, f1_std=0.01, n_seeds=3),
    ]  # fmt: skip
    return Summary(
        search="s", dataset="d", winner="vae", rows=rows, importances={}, n_holdout=9, look=1, notes=[],
        final={"probe/f1_macro": f1}, seconds=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            summary(0.60, 0.64),
            "No winner: the strongest floor, pca_masked, reaches 0.640 without training, vae reaches 0.600.",
        ),
        (summary(0.64, 0.64), "No winner"),
        (summary(0.70, 0.64), "vae is 0.060 above the strongest floor, pca_masked (0.640)."),
        (summary(0.65, 0.64), "pca_masked (0.640); this lead is within the noise of 3 seeds"),
        (
            summary(0.67, 0.64, floor_std=0.04),
            "(0.640); this lead is smaller than that floor's standard deviation over folds (0.040)",
        ),
        (summary(0.67, 0.65, untrained=0.66), "strongest floor, random (0.660); this lead is within the"),
        (
            summary(0.70, 0.65, floor_std=0.06, untrained=0.66),
            "random (0.660); its lead over pca_masked (0.650) is smaller",
        ),
        (summary(0.70, 0.64, None, 1), "; one seed is not enough to be sure."),
    ],
)
def test_the_verdict_names_the_lead_and_every_doubt(found, expected):
    assert expected in found.verdict()
    assert found.tags()["cellbench.winner"] == ("vae" if found.best.f1_macro > found.best_floor.f1_macro else "none")
    assert found.is_clear == found.verdict().endswith("pca_masked (0.640).")


@pytest.mark.parametrize(("lead", "is_clear"), [(0.0248, False), (0.0249, True)])
def test_a_lead_is_clear_beyond_students_interval_and_not_beyond_two_errors(lead, is_clear):
    """4.302653 × 0.01 / √3 = 0.02484: the t of two degrees of freedom, because this floor has no seeds."""
    assert summary(0.64 + lead, 0.64).is_clear is is_clear


@pytest.mark.parametrize(("lead", "is_clear"), [(0.0226, False), (0.0228, True)])
def test_a_floor_with_seeds_adds_its_own_noise(lead, is_clear):
    """2.776445 × √(2 × 0.01² / 3) = 0.02267: the t of four degrees of freedom."""
    assert summary(0.64 + lead, 0.4, untrained=0.64).is_clear is is_clear


def test_the_search_run_carries_the_holdout_with_its_interval():
    metrics = summary(0.7, 0.6).metrics()
    assert metrics == {
        "probe/f1_macro": 0.7, "holdout/f1_macro": 0.5, "holdout/f1_low": 0.4, "holdout/f1_high": 0.6,
        "floor/f1_macro": 0.6,
    }  # fmt: skip


def test_the_table_has_a_row_for_each_method_and_floor():
    frame = summary(0.7, 0.6).frame()
    assert frame["name"].tolist() == ["vae", "pca", "pca_masked", "random"]
    assert frame["kind"].tolist() == ["method", "floor", "floor", "floor"]
