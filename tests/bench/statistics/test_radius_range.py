"""Acceptable radii: correct where the truth is known, and none where too few radii were tried."""

import numpy as np
import pytest

from bench.record.radius_range import RadiusRange
from bench.record.trial import TrialRecord
from bench.reporting.figures import draw_response
from bench.space.objectives import OBJECTIVES
from bench.space.overrides import override
from bench.space.reader import load_space
from bench.space.space import radius_name
from bench.statistics.radius_range import response

F1, L1 = OBJECTIVES.get("f1"), OBJECTIVES.get("l1_core")
NOISE = 0.01


def peak(r):
    return 0.64 - 0.06 * (np.log(r / 70) / np.log(2.5)) ** 2


def flat(r):
    return 0.6 + 0 * r


def plateau(r):
    return 0.64 - 0.15 * np.maximum(0, np.log(60 / r)) - 0.12 * np.maximum(0, np.log(r / 100))


def trial(rng, truth, r_max, beta, stage="search", fold=0, seed=0, effect=0.0):
    params = {"r_max": float(r_max), "normalize": True, "shape": "sqrt", "lr": 1e-3, "beta": beta, "latent_dim": 256}
    value = float(truth(r_max)) + effect - 0.01 * np.log10(beta / 2e-3) ** 2 + rng.normal(0, NOISE)
    return TrialRecord(
        key=f"{r_max:.4f}-{stage}-{fold}-{seed}", number=0, stage=stage, method="mask_fixed",
        configuration=f"{r_max:.4f}", params=params, fold=fold, seed=seed, epochs=1, outcome="completed",
        metrics={"probe/f1_macro": value, "val/l1_core": 1 - value},
    )  # fmt: skip


def search_of(truth, n, seed):
    """Return the trials of a search of n trials, of 3 finalists on 2 folds, and of the winner from 3 seeds."""
    rng = np.random.default_rng(seed)
    tried = [
        trial(rng, truth, r, float(10 ** rng.uniform(-4, -2)))
        for r in [50, 90, 126, *np.exp(rng.uniform(np.log(25), np.log(150), n - 3))]
    ]
    best = sorted(tried, key=lambda record: -record.metrics["probe/f1_macro"])[:3]
    effects = rng.normal(0, 0.02, 3)
    folds = [
        trial(rng, truth, each.params["r_max"], each.params["beta"], "folds", fold, 0, effects[fold])
        for fold in (1, 2)
        for each in best
    ]
    final = [
        trial(rng, truth, best[0].params["r_max"], best[0].params["beta"], "final", None, 1000 + s, effects[0])
        for s in range(3)
    ]
    return [*tried, *folds, *final], best[0]


def found_in(records, winner, objective=F1, space=None):
    return response(records, space or load_space("mask_fixed"), objective, winner.configuration, winner.params)


@pytest.mark.parametrize("truth", [peak, flat, plateau])
def test_acceptable_radii_lose_little_more_than_the_noise(truth):
    right, reached = [], []
    for seed in range(12):
        found = found_in(*search_of(truth, 14, seed))
        radii = np.array(found.radii)
        said = np.any([(radii >= low) & (radii <= high) for low, high in found.acceptable], axis=0)
        loses = truth(radii).max() - truth(radii)
        right.append((loses[said] <= 2 * NOISE).mean())
        reached.append(said[loses <= NOISE].mean())
        assert found.noise == pytest.approx(NOISE, rel=0.7)
    assert np.mean(right) > 0.95
    assert np.mean(reached) > 0.5


def test_an_error_has_its_best_where_it_is_lowest():
    records, winner = search_of(peak, 30, 0)
    f1, l1 = found_in(records, winner), found_in(records, winner, L1)
    assert l1.acceptable[0] == pytest.approx(f1.acceptable[0], rel=0.1)
    assert l1.mean == pytest.approx([1 - value for value in f1.mean], abs=0.003)
    assert all(low < middle < high for low, middle, high in zip(l1.low, l1.mean, l1.high, strict=True))


def test_with_too_few_radii_the_reason_says_how_to_get_more():
    rng = np.random.default_rng(0)
    records = [trial(rng, peak, r, 1e-3, fold=fold) for r in (30, 50, 70, 90) for fold in range(5)]
    found = found_in(records, records[0])
    assert found.acceptable == []
    assert found.metrics() == {}
    assert found.sentence(None).startswith("No range of r_max: only 4 different radii were fully trained")
    assert "--trials" in found.sentence(None)


def test_the_range_ends_at_the_radii_that_were_tried():
    rng = np.random.default_rng(0)
    records = [trial(rng, flat, r, 1e-3) for r in np.geomspace(40, 90, 12)]
    found = found_in(records, records[0])
    assert (found.radii[0], found.radii[-1]) == (40, 90)
    assert found.acceptable == [(40, 90)]
    assert (
        "Any r_max from 40 to 90 px (20.0 to 45.0 µm) is acceptable, the whole range that was tried"
        in found.sentence(0.5)
    )
    assert "(the noise of one training) worse than at the best radius, " in found.sentence(0.5)
    assert found.metrics()["response/r_max_low"] == 40


def test_pruned_trials_and_other_methods_do_not_count():
    records, winner = search_of(peak, 14, 3)
    others = [record.model_copy(update={"outcome": "pruned"}) for record in records[:5]]
    others += [record.model_copy(update={"method": "vae"}) for record in records[:5]]
    assert found_in([*records, *others], winner) == found_in(records, winner)


@pytest.mark.parametrize(
    ("method", "settings", "name"),
    [
        ("mask_fixed", (), "r_max"),
        ("mask_sampled", (), "r_mean"),
        ("mask_fixed", ("r_max=30,50,70",), "r_max"),
        ("mask_fixed", ("r_max=50",), None),
        ("vae", (), None),
        ("crop_small", (), None),
    ],
)
def test_the_radius_is_the_searched_length_of_that_name(method, settings, name):
    assert radius_name(override([load_space(method)], settings)[0]) == name


def test_a_few_chosen_radii_have_a_curve_too():
    rng = np.random.default_rng(0)
    space = override([load_space("mask_fixed")], ("r_max=30,45,60,75,90,120",))[0]
    records = [trial(rng, peak, r, 1e-3, seed=seed) for r in (30, 45, 60, 75, 90, 120) for seed in range(3)]
    found = found_in(records, records[0], space=space)
    assert 50 < found.best < 95


def test_an_older_file_is_read_and_written_in_the_new_form():
    found = found_in(*search_of(plateau, 14, 1))
    text = found.model_dump_json()
    assert '"acceptable":[[' in text
    older = text.replace('"acceptable"', '"will_do"')
    assert RadiusRange.model_validate_json(older) == found
    assert RadiusRange.model_validate_json(older).model_dump_json() == text


def test_it_is_the_same_after_json_and_is_drawn(tmp_path):
    found = found_in(*search_of(plateau, 14, 1))
    assert RadiusRange.model_validate_json(found.model_dump_json()) == found
    draw_response(found, tmp_path / "response.png")
    assert (tmp_path / "response.png").read_bytes()[1:4] == b"PNG"
