"""The lead that the best of several equal methods has by luck."""

import numpy as np
import pytest

from bench.statistics.comparison.best_of import expected_maximum, selection_bias
from cellbench.errors import DataError


@pytest.mark.parametrize(
    ("n", "published"), [(1, 0), (2, 0.56419), (3, 0.84628), (5, 1.16296), (10, 1.53875), (20, 1.86748), (100, 2.50759)]
)
def test_the_expected_maximum_of_normal_variables(n, published):
    """Tippett 1925 and Harter, Biometrika 48, 1961."""
    assert expected_maximum(n) == pytest.approx(published, abs=0.00001)


def test_the_estimate_by_hand():
    means = np.array([[0.60, 0.70], [0.62, 0.68]])  # residuals are ± 0.01
    found = selection_bias(means, 0.5)
    assert found.spread == pytest.approx(np.sqrt((1 / 2 + 1) * 4 * 0.01**2))
    assert found.expected == pytest.approx(found.spread * 0.56419, abs=1e-6)
    assert found.lead == pytest.approx(0)


def test_the_estimate_is_the_mean_lead_of_the_best_of_equal_methods():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(2000):
        shared, of_folds = rng.normal(0, 0.02 * 0.2**0.5, (17, 1)), rng.normal(0, 0.05, 5)
        means = 0.6 + of_folds + shared + rng.normal(0, 0.02 * 0.8**0.5, (17, 5))  # correlation of 0.2 between folds
        found.append(selection_bias(means, 0.2))
    assert np.mean([each.expected for each in found]) == pytest.approx(np.mean([each.lead for each in found]), rel=0.03)


def test_the_sentence():
    found = selection_bias([[0.60, 0.61, 0.66], [0.70, 0.78, 0.74]], 1 / 3)
    assert found.sentence == (
        "The best of 2 methods is 0.058 above their mean; of 2 equal methods, the best would be 0.017 above it by luck."
    )


def test_one_method_or_fold_has_no_estimate():
    assert selection_bias([[0.6, 0.7]], 0.2) is None
    assert selection_bias([[0.6], [0.7]], 0.2) is None
    with pytest.raises(DataError, match="leave out"):
        selection_bias([[0.6, np.nan], [0.6, 0.7]], 0.2)
