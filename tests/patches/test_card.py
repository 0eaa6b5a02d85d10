import pytest
from pydantic import ValidationError

from cellbench.errors import DataError
from cellbench.patches.card import Card

ENTRIES = {"name": "x", "native_size": 40, "classes": ["a", "b"], "fingerprint": "0" * 64, "transductive": True}


def test_a_card_is_the_same_after_writing_and_reading(tmp_path):
    card = Card(**ENTRIES, um_per_px=0.09, cell_radius_px=12.5, cell_radius_source="annotated", citation="Müller, µm")
    card.write(tmp_path / "card.yaml")
    assert Card.read(tmp_path / "card.yaml") == card


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
