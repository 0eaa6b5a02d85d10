import pytest
from pydantic import ValidationError

from cellbench.errors import DataError
from cellbench.patches.card import Card

ENTRIES = {"name": "x", "native_size": 40, "classes": ["a", "b"], "fingerprint": "0" * 64, "transductive": True}


def test_a_card_is_the_same_after_writing_and_reading(tmp_path):
    card = Card(**ENTRIES, um_per_px=0.09, cell_radius_px=12.5, cell_radius_source="annotated", citation="Müller, µm")
    card.write(tmp_path / "card.yaml")
    assert Card.read(tmp_path / "card.yaml") == card


def test_an_older_card_has_neither_order_nor_frequencies():
    card = Card(**ENTRIES)
    assert (card.class_order, card.class_frequencies) == ([], {})


def test_a_class_that_is_too_rare_to_be_scored_can_be_a_stage():
    card = Card(**ENTRIES, unscored_classes={"c": 3}, class_order=[["a", "c", "b"]], class_frequencies={"a": 1, "b": 2})
    assert card.class_order == [["a", "c", "b"]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_order": [["a", "x"]]}, r"unknown classes \(x\); the classes are: a, b\."),
        ({"class_order": [["a", "b", "a"]]}, r"classes more than once \(a\)"),
        ({"class_order": [["a", "b"], ["b", "a"]]}, r"classes more than once \(a, b\)"),
        ({"class_order": [["a"]]}, "at least two classes"),
        ({"class_order": [[]]}, "at least two classes"),
        ({"class_frequencies": {"a": 1, "b": 1, "x": 1}}, r"unknown classes \(x\)"),
        ({"class_frequencies": {"a": 1}}, r"lack scored classes \(b\)"),
        ({"class_frequencies": {"a": 1, "b": 0}}, "above 0 and finite; that of b is not"),
    ],
)
def test_a_wrong_order_or_frequency_is_refused_with_the_reason(change, message):
    with pytest.raises(ValidationError, match=message):
        Card(**ENTRIES, **change)


def test_writing_over_a_card_leaves_no_other_file(tmp_path):
    for _ in range(2):
        Card(**ENTRIES).write(tmp_path / "card.yaml")
    assert [path.name for path in tmp_path.iterdir()] == ["card.yaml"]


@pytest.mark.parametrize(
    "change",
    [
        {"colour": 1},
        {"native_size": 1},
        {"um_per_px": 0},
        {"cell_radius_px": 3},
        {"classes": ["a", "a"]},
        {"name": ""},
        {"fingerprint": "../../../../tmp/x"},
        {"fingerprint": "*" * 16},
        {"um_per_px": float("inf")},
    ],
)
def test_a_wrong_entry_is_refused(change):
    with pytest.raises(ValidationError):
        Card(**(ENTRIES | change))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "is not valid YAML"),
        ("name: x\n", r"is not a valid card \(native_size: Field required"),
        ("- 1\n", "is not a valid card"),
        ("", "is not a valid card"),
        ("notes: 2026-13-40\n", "is not valid YAML"),
        ("notes: " + "[" * 5000, "is not valid YAML"),
        ("version: " + "9" * 5000, "is not valid YAML"),
        ("{[1]: 2}: 3", "is not valid YAML"),
        ("name: &a [x]\nnotes: *a\n", "is not valid YAML"),
    ],
)
def test_a_damaged_card_is_named(tmp_path, text, message):
    path = tmp_path / "card.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"card\.yaml {message}"):
        Card.read(path)


def test_a_missing_card_is_named(tmp_path):
    with pytest.raises(DataError, match=r"card\.yaml cannot be read"):
        Card.read(tmp_path / "card.yaml")
