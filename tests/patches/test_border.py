import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellbench.errors import DataError, SettingError
from cellbench.patches.border import cut_box, cut_patch


def image_of(height, width):
    return np.arange(height * width, dtype=np.uint8).reshape(height, width)


def test_a_patch_inside_is_a_slice():
    image = image_of(9, 11)
    patch, valid = cut_patch(image, x=5, y=4, size=3)
    assert (patch == image[3:6, 4:7]).all()
    assert valid == (0, 0, 3, 3)


def test_the_centre_of_an_even_patch_lies_between_pixels():
    image = image_of(8, 8)
    patch, _ = cut_patch(image, x=3.5, y=3.5, size=4)
    assert (patch == image[2:6, 2:6]).all()


@given(
    st.integers(1, 12), st.integers(1, 12), st.integers(1, 30), st.floats(0, 1), st.floats(0, 1),
)  # fmt: skip
@settings(deadline=None)
def test_a_patch_equals_the_slice_of_a_mirrored_image(height, width, size, along, down):
    image = image_of(height, width)
    x, y = along * (width - 1), down * (height - 1)
    patch, valid = cut_patch(image, x, y, size)
    top, left, box = cut_box(height, width, x, y, size)
    mirrored = np.pad(image, size, mode="reflect")
    assert (patch == mirrored[top + size : top + 2 * size, left + size : left + 2 * size]).all()
    assert valid == box
    t, le, b, r = valid
    assert (patch[t:b, le:r] == image[max(0, top) : top + size, max(0, left) : left + size]).all()
    assert b > t
    assert r > le


def test_colours_are_kept():
    patch, valid = cut_patch(np.dstack([image_of(3, 3)] * 3), x=0, y=0, size=3)
    assert patch.shape == (3, 3, 3)
    assert valid == (1, 1, 3, 3)


def test_drop_gives_no_patch_over_the_border_and_the_last_one_inside():
    image = image_of(9, 9)
    assert cut_patch(image, x=0, y=4, size=3, border="drop") is None
    assert cut_patch(image, x=1, y=4, size=3, border="drop") is not None


@pytest.mark.parametrize(("x", "ok"), [(-0.5, True), (-0.51, False), (8.5, True), (8.51, False)])
def test_a_centre_must_be_in_the_image(x, ok):
    if ok:
        cut_patch(image_of(9, 9), x=x, y=4, size=3)
    else:
        with pytest.raises(DataError, match=r"lies outside the image of 9 × 9 px"):
            cut_patch(image_of(9, 9), x=x, y=4, size=3)


def test_an_unknown_border_is_refused():
    with pytest.raises(SettingError, match=r"must be 'reflect' or 'drop'\. Got 'wrap'"):
        cut_patch(image_of(9, 9), 4, 4, 3, border="wrap")
