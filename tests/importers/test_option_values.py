import pytest

from cellbench.errors import SettingError
from cellbench.importers import ImportOptions
from cellbench.validation import validated


@pytest.mark.parametrize(
    ("name", "accepted", "refused"),
    [
        ("patch_size", (8, 4096), (7, 4097)),
        ("min_per_class", (2, 2**31), (1, 2**31 + 1)),
        ("max_per_class", (1, 2**31), (0, 2**31 + 1)),
        ("um_per_px", (0.001, 100), (0.0009, 100.1, float("nan"))),
        ("cell_radius", (0.5, 4096), (0.4, 4097, float("inf"))),
        ("seed", (0, 2**63 - 1), (-1, 2**63)),
    ],
)
def test_numbers_have_a_range(name, accepted, refused):
    for value in accepted:
        assert getattr(ImportOptions(**{name: value}), name) == value
    for value in refused:
        with pytest.raises(SettingError, match=f"{name} must be"):
            validated(ImportOptions, {name: value})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"label_pattern": ""}, "label_pattern must not be empty; got ''"),
        ({"group_pattern": ""}, "group_pattern must not be empty; got ''"),
        ({"rename": {"a": " "}}, "rename: the name ' ' is empty; give another name"),
        ({"rename": {"a": "b\nc"}}, r"rename: the name 'b\\nc' contains a control character; give another name"),
        ({"rename": {"a": "b" * 256}}, "rename: the name 'b{255}' has 256 characters, more than 255"),
        ({"rename": {"\u00e4": "b", "a\u0308": "c"}}, "rename: '\u00e4' is given twice, in two Unicode spellings"),
        ({"column": {"label": ""}}, "column: the name '' is empty"),
    ],
)
def test_texts_that_cannot_be_meant_are_refused(values, message):
    with pytest.raises(SettingError, match=message):
        validated(ImportOptions, values)


def test_names_have_one_unicode_spelling():
    assert ImportOptions(rename={"a\u0308": "u\u0308"}).rename == {"\u00e4": "\u00fc"}
