"""Names in several spellings: files, classes, groups and options."""

import unicodedata

import numpy as np
import pandas as pd
import pytest
from drawn_cells import square_mask

from cellbench.errors import DataError
from cellbench.importers.images import write_image
from cellbench.importers.names import spelled_path

PATCHES = np.random.default_rng(0).integers(0, 256, (60, 24, 24, 3), dtype=np.uint8)
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Plättchen") for form in ("NFC", "NFD"))


def write_patches(folder, name):
    """Write 60 patches, each under the name that `name` returns for its number."""
    for i, patch in enumerate(PATCHES):
        write_image(folder / name(i), patch)
    return folder


def test_one_class_in_two_spellings_is_one_class(tmp_path, add):
    folder = write_patches(tmp_path / "images", lambda i: f"{(COMPOSED, DECOMPOSED, 'b')[i % 3]}/{i}.png")
    found = add("folder", folder, min_per_class=10).patch_set
    assert found.card.classes == [COMPOSED, "b"]
    assert found.index["label"].value_counts().to_dict() == {COMPOSED: 40, "b": 20}


@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED])
def test_patterns_and_renamed_classes_match_in_either_spelling(tmp_path, add, typed):
    folder = write_patches(tmp_path / "images", lambda i: f"{i % 10}_{(COMPOSED, DECOMPOSED, 'b')[i % 3]}_{i}.png")
    patterns = {"label_pattern": f"({typed}|b)", "group_pattern": f"(._(?:{typed}|b))"}
    imported = add("folder", folder, rename={typed: DECOMPOSED + "2"}, min_per_class=10, **patterns)
    assert imported.patch_set.card.classes == [COMPOSED + "2", "b"]
    assert set(imported.patch_set.index["group"]) == {f"{i}_{name}" for i in range(10) for name in (COMPOSED, "b")}


def test_labels_and_groups_of_a_table_have_one_spelling(tmp_path, add):
    write_patches(tmp_path, lambda i: f"{i}.png")
    labels = [(COMPOSED, DECOMPOSED, "b")[i % 3] for i in range(60)]
    groups = [f"{(COMPOSED, DECOMPOSED)[i % 2]}{i // 6}" for i in range(60)]
    table = pd.DataFrame({"path": [f"{i}.png" for i in range(60)], "label": labels, "group": groups})
    table.to_csv(tmp_path / "cells.csv", index=False)
    found = add("csv", tmp_path / "cells.csv", min_per_class=10).patch_set
    assert found.card.classes == [COMPOSED, "b"]
    assert set(found.index["group"]) == {f"{COMPOSED}{i}" for i in range(10)}


def test_an_image_its_mask_and_its_row_are_paired_in_any_spelling(tmp_path, add):
    write_patches(tmp_path / "data" / "images", lambda i: f"{COMPOSED}{i}.png")
    for i in range(60):
        write_image(tmp_path / "data" / "masks" / f"{DECOMPOSED}{i}.png", square_mask())
    rows = [f"{(COMPOSED, DECOMPOSED)[i // 2 % 2]}{i},{'ab'[i % 2]}" for i in range(60)]
    (tmp_path / "data" / "labels.csv").write_text("\n".join(["image,class", *rows]), encoding="utf-8")
    found = add("masks", tmp_path / "data").patch_set
    assert found.index["label"].value_counts().to_dict() == {"a": 30, "b": 30}
    assert found.masks is not None


def test_an_image_and_its_annotation_are_paired_in_any_spelling(tmp_path, add):
    write_patches(tmp_path / "data", lambda i: f"{COMPOSED}{i}.png")
    for i in range(60):
        box = "<bndbox><xmin>2</xmin><ymin>2</ymin><xmax>20</xmax><ymax>20</ymax></bndbox>"
        file = f"<filename>{DECOMPOSED}{i}.png</filename>" if i % 2 else ""
        text = f"<annotation>{file}<object><name>{'ab'[i % 2]}</name>{box}</object></annotation>"
        name = f"box{i}" if file else f"{DECOMPOSED}{i}"
        (tmp_path / "data" / f"{name}.xml").write_text(text, encoding="utf-8")
    found = add("voc", tmp_path / "data", patch_size=16).patch_set
    assert found.index["label"].value_counts().to_dict() == {"a": 30, "b": 30}


def test_classes_that_look_the_same_are_named(tmp_path, add):
    folder = write_patches(tmp_path / "images", lambda i: f"{('blast', 'Blast', 'b')[i % 3]}/{i}.png")
    remarks = add("folder", folder, min_per_class=10).remarks
    assert remarks[0] == (
        "Some classes differ in case or spaces alone: 'Blast'/'blast'. If they are the same, join them with "
        "--rename OLD=NEW."
    )
    assert add("folder", folder, min_per_class=10, rename={"Blast": "blast"}, replace=True).remarks == []


def test_groups_that_look_the_same_are_named(tmp_path, add):
    folder = write_patches(tmp_path / "images", lambda i: f"{'ab'[i % 2]}/{('s', 'S ')[i // 2 % 2]}{i // 6}_{i}.png")
    remark = add("folder", folder, group_pattern="/([^_]+)_").remarks[0]
    assert remark.startswith("Some groups differ in case or spaces alone: 'S 0'/'s0', 'S 1'/'s1', ")


def test_a_class_with_a_line_break_is_a_problem(tmp_path, add, nothing_written):
    write_patches(tmp_path / "data", lambda i: f"{i}.png")
    table = pd.DataFrame({"path": [f"{i}.png" for i in range(60)], "label": ["a", "b\nc"] * 30})
    table.to_csv(tmp_path / "data" / "cells.csv", index=False)
    with pytest.raises(DataError, match=r"1 problem, .*: line 3: label contains a control character \('b\\nc'\)"):
        add("csv", tmp_path / "data" / "cells.csv")


@pytest.mark.parametrize("folder_form", ["NFC", "NFD"])
@pytest.mark.parametrize("file_form", ["NFC", "NFD"])
@pytest.mark.parametrize("written", [COMPOSED, DECOMPOSED])
def test_a_path_is_found_in_any_spelling(tmp_path, folder_form, file_form, written):
    parts = [unicodedata.normalize(form, COMPOSED) for form in (folder_form, file_form)]
    file = tmp_path / parts[0] / f"{parts[1]}.png"
    file.parent.mkdir()
    file.touch()
    assert spelled_path(tmp_path, f"{written}/{written}.png") == file
    assert spelled_path(tmp_path, str(tmp_path / written / f"{written}.png")) == file


def test_a_path_as_written_comes_first_and_an_ambiguous_one_is_not_guessed(tmp_path):
    for name in (COMPOSED, DECOMPOSED):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").touch()
    (tmp_path / COMPOSED / "2.png").touch()
    assert spelled_path(tmp_path, f"{DECOMPOSED}/1.png") == tmp_path / DECOMPOSED / "1.png"
    assert spelled_path(tmp_path, f"{DECOMPOSED}/2.png") == tmp_path / COMPOSED / "2.png"
    for folder in (COMPOSED, DECOMPOSED):
        (tmp_path / folder / f"{COMPOSED}.png").touch()
    assert spelled_path(tmp_path, f"{DECOMPOSED}/{DECOMPOSED}.png") is None


@pytest.mark.parametrize("name", ["nothing.png", COMPOSED, "a\0b", "x" * 300, f"{COMPOSED}\0"])
def test_a_missing_or_impossible_path_is_none(tmp_path, name):
    assert spelled_path(tmp_path, name) is None
