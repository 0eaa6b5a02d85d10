"""From the radius of a cell to the radius of a mask."""

from typing import get_args

import pytest

from cellbench.errors import NotFoundError
from cellbench.radius import FACTORS, recommended_r_max
from cellbench.suppression.mask import Shape


def test_each_shape_has_a_factor_in_a_range():
    assert set(FACTORS) == set(get_args(Shape))
    for factor in FACTORS.values():
        assert 0 < factor.low <= factor.best <= factor.high


def test_a_radius_is_scaled_and_never_leaves_the_patch():
    best = recommended_r_max(20, "sqrt", 256)
    assert best.best == pytest.approx(20 * FACTORS["sqrt"].best)
    assert recommended_r_max(1000, "sqrt", 256).high == pytest.approx(127.5 * 2**0.5)


def test_an_unknown_shape_is_named():
    with pytest.raises(NotFoundError, match="'sqr'; did you mean 'sqrt'"):
        recommended_r_max(20, "sqr", 256)
