"""Small files that a stranger may have written."""

import pytest

from cellbench.input_files import find_link, load_json


def test_an_integer_beyond_every_float_is_refused():
    assert load_json('{"seed": -12}') == {"seed": -12}
    with pytest.raises(ValueError, match="an integer of 401 digits"):
        load_json(f'{{"r_max": 1{"0" * 400}}}')


def test_a_link_is_found_in_any_folder(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert find_link(tmp_path) is None
    (tmp_path / "a" / "b" / "c").symlink_to(tmp_path)
    assert find_link(tmp_path) == tmp_path / "a" / "b" / "c"
    assert find_link(tmp_path, "a") is None
