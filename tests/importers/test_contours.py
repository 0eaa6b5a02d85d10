import numpy as np
import pytest

from cellbench.errors import DataError
from cellbench.importers.contours import Cells


def disc(x, y, radius, size=40):
    axis = np.arange(size)
    return np.hypot(axis[None] - x, axis[:, None] - y) <= radius


def mask(*cells):
    """Return a mask of 40 px with later cells above earlier ones; each is a boolean array and its value."""
    found = np.zeros((40, 40), np.int32)
    for inside, value in cells:
        found[inside] = value
    return found


TOUCHING = mask((disc(28, 20, 8), 2), (disc(12, 20, 8), 1))


def test_touching_cells_are_kept_apart_by_their_numbers():
    cells = Cells(TOUCHING)
    for x, value in ((12, 1), (28, 2)):
        found, guessed = cells.at(x, 20, "cells")
        assert found.dtype == np.uint8
        assert (found == (value == TOUCHING)).all()
        assert not guessed


def test_numbers_of_touching_cells_are_not_guessed():
    with pytest.raises(
        DataError, match=r"has the values 1, 2 in one connected region at \(12, 20\)\. Add --mask-values"
    ):
        Cells(TOUCHING).at(12, 20, None)


def test_numbers_of_cells_that_do_not_touch_need_no_option():
    apart = mask((disc(8, 20, 6), 300), (disc(30, 20, 6), 301))
    for meaning in (None, "cells", "parts"):
        assert (Cells(apart).at(30, 20, meaning)[0] == disc(30, 20, 6)).all()


@pytest.mark.parametrize("nucleus", [disc(20, 20, 5), disc(27, 20, 5)], ids=["inside", "at the border"])
def test_nucleus_and_cytoplasm_in_grey_levels_are_one_cell(nucleus):
    cells = Cells(mask((disc(20, 20, 10), 128), (nucleus, 255)))
    found, guessed = cells.at(20, 20, None)
    assert (found == (disc(20, 20, 10) | nucleus)).all()
    assert guessed
    assert cells.at(20, 20, "parts")[1] is False
    assert cells.at(20, 20, "cells")[0].sum() < found.sum()


@pytest.mark.parametrize("values", [(1, 2), (254, 255), (57, 58), (128, 300), (20, 255)])
def test_other_values_than_grey_levels_need_an_option(values):
    cells = Cells(mask((disc(20, 20, 10), values[0]), (disc(20, 20, 5), values[1])))
    with pytest.raises(DataError, match="Add --mask-values cells if each value is another cell"):
        cells.at(20, 20, None)
    assert (cells.at(20, 20, "parts")[0] == disc(20, 20, 10)).all()


def test_a_hole_is_inside_the_contour():
    ring = disc(20, 20, 10) & ~disc(20, 20, 4)
    assert (Cells(mask((ring, 1))).at(20, 20, None)[0] == disc(20, 20, 10)).all()


def test_a_cell_in_the_hole_of_another_is_left_out():
    ring = disc(20, 20, 10) & ~disc(20, 20, 4)
    found = Cells(mask((ring, 1), (disc(20, 20, 2), 2))).at(28, 20, None)[0]
    assert (found == (disc(20, 20, 10) & ~disc(20, 20, 2))).all()


def test_the_gap_between_touching_cells_is_in_none_of_them():
    three = mask((disc(12, 12, 8), 1), (disc(28, 12, 8), 2), (disc(20, 26, 8), 3))
    assert three[17, 20] == 0
    with pytest.raises(DataError, match=r"does not cover the centre \(20, 17\)"):
        Cells(three).at(20, 17, "cells")


def test_the_nearest_cell_is_not_taken_for_the_one_at_the_centre():
    with pytest.raises(DataError, match=r"does not cover the centre \(5, 20\), which must lie inside the contour"):
        Cells(mask((disc(20, 20, 10), 1))).at(5, 20, None)


def test_only_the_component_at_the_centre_is_used():
    two = mask((disc(10, 10, 5), 7), (disc(30, 30, 5), 7))
    assert (Cells(two).at(10, 10, "cells")[0] == disc(10, 10, 5)).all()


def test_a_mask_without_background_has_no_contour():
    for meaning in (None, "cells"):
        with pytest.raises(DataError, match="covers the whole image, so it has no contour"):
            Cells(mask((disc(20, 20, 99), 1))).at(20, 20, meaning)
    inverted = np.where(disc(20, 20, 10), 0, 255).astype(np.int32)
    with pytest.raises(DataError, match="covers the whole image"):
        Cells(inverted).at(20, 20, None)


def test_an_empty_mask_is_named():
    with pytest.raises(DataError, match=r"^is empty$"):
        Cells(mask()).at(20, 20, None)


def test_many_values_are_no_parts():
    smooth = mask(*((disc(20, 20, 20 - step), step) for step in range(1, 12)))
    with pytest.raises(DataError, match=r"has smoothed edges \(11 values \(1, 2, 3, 4, …\)"):
        Cells(smooth).at(20, 20, "parts")


def test_the_pixel_of_a_centre_is_the_one_that_contains_it():
    two = np.array([[1, 0, 0, 2, 2]], np.int32)
    for x, value in ((-0.5, 1), (0.4, 1), (2.5, 2), (4.5, 2)):
        assert (Cells(two).at(x, 0, None)[0] == (two == value)).all()
    with pytest.raises(DataError, match="does not cover"):
        Cells(two).at(0.5, 0, None)


@pytest.mark.parametrize("meaning", [None, "cells", "parts"])
def test_smoothed_edges_are_no_cells(meaning):
    smooth = mask(*((disc(20, 20, 15 - step / 4), 20 * step) for step in range(1, 12)))
    with pytest.raises(DataError, match=r"has smoothed edges \(1[01] values .*; save it as it was annotated"):
        Cells(smooth).at(20, 20, meaning)
