"""Intervals and tests over folds and seeds: against scipy, published numbers and simulated benchmarks."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from bench.statistics.comparison.repeated_folds import (
    Comparison,
    compare,
    compare_with,
    estimate,
    estimates,
    holm,
)
from bench.statistics.comparison.score_tables import score_tables
from bench.study.comparisons import STRUCTURES, Structure, covered, family_rates, rates
from cellbench.errors import DataError, NotFoundError, SettingError

REFERENCE = np.array([[0.612], [0.641], [0.598], [0.633], [0.627]])
OWN = REFERENCE + np.array([[0.012], [0.031], [0.008], [0.027], [0.019]])
ZERO = np.zeros((1, 1))


def frame(**scores):
    """Return a table of scores from one array (folds, seeds) for each method."""
    rows = [
        {"method": name, "fold": fold, "seed": seed, "f1_macro": float(value)}
        for name, table in scores.items()
        for (fold, seed), value in np.ndenumerate(np.asarray(table))
    ]
    return pd.DataFrame(rows)


def test_one_seed_is_nadeau_and_bengios_test():
    differences = (OWN - REFERENCE).ravel()
    error = np.sqrt((1 / 5 + 0.2 / 0.8) * differences.var(ddof=1))  # Nadeau & Bengio 2003: 1/n + n_test / n_train
    found = compare(OWN, REFERENCE, 0.2)
    assert found.mean == pytest.approx(differences.mean())
    assert found.p == pytest.approx(2 * t.sf(differences.mean() / error, 4))
    assert (found.low, found.high) == pytest.approx(t.interval(0.95, 4, loc=differences.mean(), scale=error))


def test_one_seed_has_corani_and_benavolis_posterior():
    differences = (OWN - REFERENCE).ravel()
    posterior = t(4, loc=differences.mean(), scale=np.sqrt((1 / 5 + 0.2 / 0.8) * differences.var(ddof=1)))
    found = compare(OWN, REFERENCE, 0.2)
    assert found.better == pytest.approx(posterior.sf(0.01))
    assert found.worse == pytest.approx(posterior.cdf(-0.01))
    assert found.better + found.equal + found.worse == pytest.approx(1)
    wider = compare(OWN, REFERENCE, 0.2, margin=0.02)
    assert wider.equal == pytest.approx(posterior.cdf(0.02) - posterior.cdf(-0.02))


def test_the_posterior_is_that_of_baycomp():
    """`baycomp.two_on_single(REFERENCE, OWN, rope=0.01, runs=1)`, baycomp 1.0.3."""
    found = compare(OWN, REFERENCE, 0.2)
    expected = (0.005356882506150175, 0.10589170092445077, 0.888751416569399)
    assert (found.worse, found.equal, found.better) == pytest.approx(expected)


def test_seeds_of_a_fold_count_as_repeats_of_one_split():
    """Worked by hand: B is the variance of fold means, W that within folds."""
    table = np.array([[0.01, 0.03], [0.02, 0.02], [0.05, 0.03], [0.00, 0.04]])
    b, w = np.var([0.02, 0.02, 0.04, 0.02], ddof=1), (0.0002 + 0 + 0.0002 + 0.0008) / 4
    parts = (1 / 4 + 1 / 3) * b, 1 / 3 * (1 - 1 / 2) * w
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 3 + parts[1] ** 2 / 4)
    found = compare(table, ZERO, 0.25)
    assert found.mean == pytest.approx(0.025)
    assert (found.low, found.high) == pytest.approx(t.interval(0.95, freedom, loc=0.025, scale=sum(parts) ** 0.5))
    assert (found.n_folds, found.n_pairs) == (4, 8)


def test_equal_seeds_add_nothing_to_folds():
    once, thrice = compare(OWN, REFERENCE, 0.2), compare(np.repeat(OWN, 3, axis=1), REFERENCE, 0.2)
    assert (thrice.low, thrice.p, thrice.equal) == pytest.approx((once.low, once.p, once.equal))
    assert thrice.n_pairs == 15


def test_a_method_is_worse_where_its_reference_is_better():
    found, reverse = compare(OWN, REFERENCE, 0.2), compare(REFERENCE, OWN, 0.2)
    assert (reverse.mean, reverse.low, reverse.high) == pytest.approx((-found.mean, -found.high, -found.low))
    assert (reverse.p, reverse.worse, reverse.better) == pytest.approx((found.p, found.better, found.worse))


def test_a_missing_training_leaves_out_its_pair():
    rng = np.random.default_rng(0)
    own, other = rng.normal(0.6, 0.02, (2, 5, 3))
    own[2, 1], other[4] = np.nan, np.nan
    found = compare(own, other, 0.2)
    means = [(own[0] - other[0]).mean(), (own[1] - other[1]).mean(), np.nanmean(own[2] - other[2])]
    assert found.mean == pytest.approx(np.mean([*means, (own[3] - other[3]).mean()]))
    assert (found.n_folds, found.n_pairs) == (4, 11)


@pytest.mark.parametrize("own", [REFERENCE[:1] + 0.02, REFERENCE + 0.02, np.full((1, 3), 0.7)])
def test_one_fold_or_no_spread_is_not_tested(own):
    found = compare(own, REFERENCE[: len(own)], 0.2)
    assert found.verdict == "not tested"
    assert np.isnan([found.low, found.high, found.p, found.better, found.equal, found.worse]).all()
    assert found.mean == pytest.approx(0.02, abs=0.1)


@pytest.mark.parametrize(
    ("mean", "p", "equal", "verdict"),
    [(0.02, 0.04, 0.1, "better"), (-0.02, 0.04, 0.1, "worse"), (0.02, 0.06, 0.1, "undecided"),
     (0.004, 0.04, 0.96, "practically equal"), (0.001, 0.7, 0.96, "practically equal")],
)  # fmt: skip
def test_the_verdict(mean, p, equal, verdict):
    found = Comparison(mean, 0, 0, 0.001, p, 0.5, equal, 0.4, 5, 15)
    assert found.verdict == verdict


def test_an_estimate_has_the_spread_of_all_scores_and_the_interval_of_a_difference_to_zero():
    table = np.random.default_rng(1).normal(0.6, 0.02, (5, 3))
    found = estimate(table, 0.2)
    assert (found.mean, found.std) == pytest.approx((table.mean(), table.std(ddof=1)))
    difference = compare(table, ZERO, 0.2)
    assert (found.low, found.high) == pytest.approx((difference.low, difference.high))
    assert (found.n_folds, found.n_scores) == (5, 15)


def test_an_interval_of_macro_f1_stays_between_0_and_1():
    assert estimate([[0.9], [0.99], [1.0]], 1 / 3).high == 1
    assert np.isnan(estimate([[0.7, 0.8]], 0.2).low)
    assert np.isnan(estimate([[0.7]], 0.2).std)


def test_holm_on_demsars_example():
    """Demšar 2006, section 3.2.2: three variants of C4.5 against C4.5; the first two are rejected at 0.05."""
    assert holm([0.019, 0.607, 0.016]) == pytest.approx([0.048, 0.607, 0.048])


def test_holm_by_hand():
    p = [0.01, 0.013, 0.014, 0.19, 0.35, 0.0001, 0.02]
    assert holm(p) == pytest.approx([0.06, 0.065, 0.065, 0.38, 0.38, 0.0007, 0.065])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])


def test_holm_does_not_count_what_was_not_tested():
    assert holm([np.nan, 0.03, 0.02]) == pytest.approx([np.nan, 0.04, 0.04], nan_ok=True)
    assert holm([]).shape == (0,)


def test_a_table_is_compared_with_its_reference():
    rng = np.random.default_rng(2)
    vae = rng.normal(0.6, 0.02, (5, 3))
    tables = {"vae": vae, "mask": vae + rng.normal(0.05, 0.02, (5, 3)), "noise": vae + rng.normal(0, 0.02, (5, 3))}
    found = compare_with(frame(**tables).sample(frac=1, random_state=0), "vae", 0.2)
    single = {name: compare(tables[name], vae, 0.2) for name in ("mask", "noise")}
    assert {name: found[name].mean for name in single} == pytest.approx(
        {name: each.mean for name, each in single.items()}
    )
    assert [found[name].p_holm for name in single] == pytest.approx(holm([each.p for each in single.values()]))
    assert found["mask"].verdict == "better"
    assert list(compare_with(frame(**tables), "vae", 0.2, methods=["noise"])) == ["noise"]
    assert estimates(frame(**tables), 0.2) == {name: estimate(table, 0.2) for name, table in tables.items()}


def test_a_floor_without_seeds_or_folds_is_compared_with_each():
    own = np.random.default_rng(3).normal(0.6, 0.02, (5, 3))
    pca = frame(pca=REFERENCE).assign(seed=pd.NA)
    rings = pd.DataFrame([{"method": "rings", "fold": pd.NA, "seed": pd.NA, "f1_macro": 0.5}])
    table = pd.concat([frame(vae=own), pca, rings], ignore_index=True)
    assert {name: each.shape for name, each in score_tables(table).items()} == {
        "vae": (5, 3), "pca": (5, 1), "rings": (1, 1),
    }  # fmt: skip
    assert compare_with(table, "pca", 0.2)["vae"].p == compare(own, REFERENCE, 0.2).p
    assert compare_with(table, "rings", 0.2)["vae"].mean == pytest.approx(own.mean() - 0.5)


def test_a_failed_training_is_a_score_that_is_not_a_number():
    own = np.random.default_rng(4).normal(0.6, 0.02, (5, 3))
    table = frame(vae=own, mask=own + 0.02)
    assert compare_with(table.drop(index=20), "vae", 0.2)["mask"].n_pairs == 14
    table.loc[20, "f1_macro"] = np.nan
    assert compare_with(table, "vae", 0.2)["mask"].n_pairs == 14


@pytest.mark.parametrize(
    ("table", "reference", "error", "message"),
    [
        (frame(vae=OWN, mask=OWN), "vea", NotFoundError, "No scores of vea; the table has vae, mask"),
        (frame(vae=OWN).drop(columns="seed"), "vae", DataError, "no column seed"),
        (pd.concat([frame(vae=OWN), frame(vae=OWN)]), "vae", DataError, "two scores of vae for fold 0 and seed 0"),
        (frame(vae=[[0.5], [np.nan]], mask=[[np.nan], [0.5]]), "vae", DataError, "mask and vae have no score of the"),
        (frame(vae=OWN).assign(fold=[0, 1, 2, 3, pd.NA]), "vae", DataError, "Some scores of vae have a fold and"),
    ],
)  # fmt: skip
def test_an_invalid_table_is_explained(table, reference, error, message):
    with pytest.raises(error, match=message):
        compare_with(table, reference, 0.2)


@pytest.mark.parametrize("share", [0, 1, 20])
def test_a_share_of_the_test_part_outside_0_to_1_is_refused(share):
    with pytest.raises(SettingError, match="above 0 and below 1"):
        compare(OWN, REFERENCE, share)


# 200 simulated benchmarks of five folds and three seeds, as docs/statistics.md shows


def test_a_difference_between_equal_methods_is_claimed_in_at_most_5_percent():
    assert rates(STRUCTURES[0], 0, 0.02, 200, 0).claimed <= 0.05


def test_a_difference_of_0_05_at_a_spread_of_0_02_is_found_in_at_least_90_percent():
    assert rates(STRUCTURES[0], 0.05, 0.02, 200, 0).claimed >= 0.9
    assert rates(Structure(0.2, 0.6), 0.05, 0.02, 200, 0).claimed >= 0.9


@pytest.mark.parametrize("within", [0.2, 0.6, 1])
def test_wrong_claims_are_few_whatever_the_seeds_of_a_fold_share(within):
    found = rates(Structure(0.2, within), 0, 0.02, 2000, 0)
    assert found.claimed <= 0.06
    assert found.others["plain, 15"] > 0.3


def test_pairs_as_repeats_or_fold_means_alone_claim_too_much():
    assert rates(Structure(0.2, 1), 0, 0.02, 2000, 0).others["corrected, 15"] > 0.12
    assert rates(Structure(0.2, 0.2), 0, 0.02, 2000, 0).others["corrected, 5"] > 0.1


def test_methods_without_a_difference_are_called_equal_only_at_a_small_spread():
    assert rates(STRUCTURES[0], 0, 0.02, 200, 0).equal < 0.05
    assert rates(STRUCTURES[0], 0, 0.005, 200, 0).equal > 0.9


def test_with_seventeen_equal_methods_any_wrong_claim_is_rare():
    found = family_rates(Structure(0.2, 0.6), 17, 0.05, 0.02, 200, 0)
    assert found.wrong <= 0.05
    assert found.wrong_uncorrected > 0.15


def test_the_interval_of_a_mean_holds_what_it_promises():
    assert covered(Structure(0.2, 0.6), 0.02, 1000, 0) > 0.93
