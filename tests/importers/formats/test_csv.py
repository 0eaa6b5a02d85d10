import unicodedata

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cellbench.errors import DataError, SettingError
from cellbench.importers.images import ImageReader
from cellbench.importers.problems import ProblemsError


@pytest.fixture
def table(tmp_path):
    """A table of 48 whole images from eight slides."""
    (tmp_path / "csv" / "pictures").mkdir(parents=True)
    rows = []
    for i in range(48):
        pixels = np.random.default_rng(i).integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "csv" / "pictures" / f"{i}.png")
        rows.append({"path": f"pictures/{i}.png", "label": "ab"[i % 2], "group": f"slide{i // 6}"})
    return pd.DataFrame(rows)


@pytest.fixture
def write(tmp_path):
    def run(table, name="cells.csv", **options):
        path = tmp_path / "csv" / name
        if name.endswith(".parquet"):
            table.to_parquet(path)
        else:
            table.to_csv(path, index=False, **options)
        return path

    return run


@pytest.mark.parametrize(("name", "options"), [("c.csv", {}), ("c.tsv", {"sep": "\t"}), ("c.parquet", {})])
def test_a_table_of_whole_images(table, write, add, name, options):
    found = add("csv", write(table, name, **options)).patch_set
    assert found.card.groups_known
    assert found.card.classes == ["a", "b"]
    assert found.index["source"].tolist() == table["path"].tolist()
    assert found.index["group"].tolist() == table["group"].tolist()


def test_centres_cut_the_patch_from_the_image(table, write, add, tmp_path):
    table["x"], table["y"] = 9.5, 6.5
    table["radius_px"] = [3.5, *[None] * 47]
    found = add("csv", write(table), patch_size=8).patch_set
    image = np.asarray(Image.open(tmp_path / "csv" / "pictures" / "5.png"))
    assert (found.patches[5] == image[3:11, 6:14]).all()
    assert found.index["radius_px"][0] == 3.5
    assert found.card.cell_radius_px == 3.5


def test_a_row_without_a_centre_is_the_whole_image(table, write, add):
    table["x"], table["y"] = None, None
    table.loc[0, ["x", "y"]] = [9.0, 9.0]
    found = add("csv", write(table), patch_size=9).patch_set
    assert found.index["x"][[0, 1]].tolist() == [9.0, 9.5]


def test_centres_need_a_patch_size(table, write, add, nothing_written):
    table["x"] = table["y"] = 9.5
    with pytest.raises(SettingError, match="--patch-size PX"):
        add("csv", write(table))


def test_several_patches_of_an_image_share_a_group_where_none_is_given(table, write, add):
    table = pd.concat([table.assign(x=5.0, y=9.5), table.assign(x=14.0, y=9.5)])
    found = add("csv", write(table.drop(columns="group")), patch_size=8).patch_set
    assert not found.card.groups_known
    assert len(set(found.groups())) == 48


def test_groups_can_come_from_the_path(table, write, add):
    found = add("csv", write(table.drop(columns="group")), group_pattern=r"(\d)\.png").patch_set
    assert found.card.groups_known
    assert len(set(found.groups())) == 10


def test_the_centre_cell_of_a_mask_with_many_cells_is_used(table, write, add, tmp_path):
    mask = np.zeros((20, 20), np.uint8)
    mask[2:5, 2:5] = 255
    mask[8:13, 8:13] = 255
    Image.fromarray(mask).save(tmp_path / "csv" / "mask.png")
    found = add("csv", write(table.assign(x=10, y=10, mask="mask.png")), patch_size=20).patch_set
    assert found.masks[0].sum() == 25
    assert found.radius_px([0])[0] == pytest.approx(np.sqrt(25 / np.pi))


def test_a_mask_for_some_rows_only_is_refused(table, write, add, tmp_path, nothing_written):
    Image.fromarray(np.ones((20, 20), np.uint8)).save(tmp_path / "csv" / "mask.png")
    table["mask"] = ["mask.png"] * 47 + [None]
    with pytest.raises(DataError, match=r"1 problem, .*pictures/47\.png: it has no mask"):
        add("csv", write(table))


def test_a_patch_without_a_label_is_in_the_pool_only_and_na_is_a_class(table, write, add):
    table["label"] = ["NA", "b"] * 24
    table.loc[0, "label"] = ""
    imported = add("csv", write(table))
    assert imported.patch_set.card.classes == ["NA", "b"]
    assert imported.remarks == [
        "1 rows have no label; their patches are in the pool only.",
        "A class is called NA. If this stands for a missing value, leave it out.",
    ]


def test_all_problems_are_listed_with_their_lines(table, write, add, nothing_written):
    table["radius_px"] = "3"
    table.loc[1, "path"] = "pictures/nothing.png"
    table.loc[3, "path"] = table.loc[2, "path"]
    table.loc[4, "group"] = ""
    table.loc[5, "radius_px"] = "wide"
    table.loc[6, "radius_px"] = "0"
    table.loc[7, "path"] = ""
    with pytest.raises(DataError) as caught:
        add("csv", write(table))
    text = str(caught.value)
    assert "line 3: there is no file pictures/nothing.png" in text
    assert text.count("nothing.png") == 1, "reported once"
    assert "line 5: it is the same patch as line 4 (pictures/2.png)" in text
    assert "line 6: it has no group" in text
    assert "line 7: radius_px is 'wide', not a number of px" in text
    assert "line 8: radius_px is '0', not above 0" in text
    assert "line 9: it has no path" in text


def test_the_same_image_with_another_centre_is_not_a_duplicate(table, write, add, nothing_written):
    table = pd.concat([table.assign(x=5, y=5), table.assign(x=6, y=5), table.assign(x=6.0, y=5.0)])
    with pytest.raises(DataError, match=r"has 48 problems[^~]*line 98: it is the same patch as line 50"):
        add("csv", write(table), patch_size=8)


def test_another_spelling_of_a_path_is_the_same_image(table, write, add, nothing_written):
    twice = table.iloc[:1].assign(path="./" + table["path"].iloc[0])
    with pytest.raises(DataError, match=rf"line {len(table) + 2}: it is the same patch as line 2"):
        add("csv", write(pd.concat([table, twice])))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"groups": 1},
            r"has a column 'groups'; did you mean 'group'\? Rename it, or remove it, or give --column group=g",
        ),
        ({"x": 1}, "has only one of the columns x and y; give both or neither"),
    ],
)
def test_columns_that_look_like_a_mistake_are_refused(table, write, add, change, message):
    with pytest.raises(DataError, match=message):
        add("csv", write(table.assign(**change)))


def test_unused_columns_are_reported(table, write, add):
    assert add("csv", write(table.assign(stain="MGG"))).remarks == ["Unused columns: stain."]


def test_a_table_without_labels_is_refused(table, write, add):
    with pytest.raises(DataError, match="has no column label; its columns are path, group"):
        add("csv", write(table.drop(columns="label")))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"", "is empty; it needs a header"),
        ("x.csv", b"path,label\n", "has no rows"),
        (
            "x.csv",
            b"path,label\na,b,c,d\ne,f",
            "line 2: it has 4 cells separated by commas, and the header has 2; put a",
        ),
        ("x.csv", b"path,label\na,b\nc", "line 3: it has 1 cell separated by commas, and the header has 2"),
        ("x.csv", "path,label\nä,b\n".encode("latin-1"), "is not UTF-8 text"),
        ("x.parquet", b"PAR1", "cannot be read as a table"),
        ("x.xlsx", b"", "is not a table; give a .csv"),
    ],
)
def test_a_damaged_table_is_named(tmp_path, add, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        add("csv", tmp_path / name)


def refused(add, path, **options):
    """Return the problems of a table that is refused."""
    with pytest.raises(ProblemsError) as caught:
        add("csv", path, **options)
    return caught.value.problems


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_decimal_commas_are_read(table, write, add, separator):
    table["x"], table["y"], table["radius_px"] = "9,5", [f"6,{i:03}" for i in range(48)], "4"
    found = add("csv", write(table, sep=separator), patch_size=8).patch_set
    assert found.index["x"].tolist() == [9.5] * 48
    assert found.index["y"].tolist() == [6 + i / 1000 for i in range(48)]
    assert found.index["radius_px"].tolist() == [4.0] * 48


def test_commas_that_can_separate_thousands_are_refused(table, write, add, nothing_written):
    table["x"], table["y"] = "9", ["1,234", *["7"] * 47]
    (problem,) = refused(add, write(table), patch_size=8)
    assert problem == (
        "line 2: y is '1,234', which can mean thousands, because every comma of the numbers stands before three "
        "digits; write them with a decimal point"
    )


def test_commas_and_points_in_one_table_are_refused(table, write, add, nothing_written):
    table["x"], table["y"] = "9.5", ["9,5", *["7"] * 47]
    (problem,) = refused(add, write(table), patch_size=8)
    assert problem == (
        "line 2: y is '9,5', not a number of px (other numbers have a decimal point, so a comma is no decimal mark)"
    )


@pytest.mark.parametrize(
    "value", ["1e308", "-1e9", "inf", "nan", "NA", "0x10", "1_0", "１２", "1,2,3", "5 px", "#N/A", "a" * 5000, "1\n2"]
)
def test_what_is_no_length_is_refused_with_its_line(table, write, add, nothing_written, value):
    table["radius_px"] = ["3", value, *["3"] * 46]
    (problem,) = refused(add, write(table))
    assert problem.startswith("line 3: radius_px is '")
    assert problem.endswith("not a number of px")
    assert len(problem) < 200
    assert problem.isprintable()


def test_usual_numbers_are_lengths(table, write, add):
    table["radius_px"] = ["3", "3.", ".5", "+3.25", "3e0", "30E-1", " 4 ", *[""] * 41]
    found = add("csv", write(table)).patch_set.index["radius_px"]
    assert found[:7].tolist() == [3, 3, 0.5, 3.25, 3, 3, 4]


def test_a_centre_and_a_radius_that_do_not_fit_the_image_are_named_with_their_line(table, write, add, nothing_written):
    table["x"], table["y"], table["radius_px"] = 9.5, 9.5, 3.0
    table.loc[1, "x"], table.loc[2, "radius_px"] = -3, 20.5
    assert refused(add, write(table), patch_size=8) == [
        "line 3, pictures/1.png: the centre (-3, 9.5) lies outside the image of 20 × 20 px",
        "line 4, pictures/2.png: the radius of 20.5 px is larger than the image of 20 × 20 px",
    ]
    first = refused(add, write(table, "c.parquet"), patch_size=8)[0]
    assert first.startswith("row 2, pictures/1.png: the centre"), "rows of Parquet are counted from 1"


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("label", "a\tb", r"line 3: label contains a control character ('a\tb')"),
        ("label", "a\nb", r"line 3: label contains a control character ('a\nb')"),
        ("group", "a\0b", r"line 3: group contains a control character ('a\x00b')"),
        ("path", "a\0b", r"line 3: path contains a control character ('a\x00b')"),
        ("label", "a" * 5000, f"line 3: label has 5000 characters, more than 255 ('{'a' * 59}…')"),
        ("path", "a" * 5000, f"line 3: path has 5000 characters, more than 255 ('{'a' * 59}…')"),
        ("path", "pictures/ä.png", "line 3: there is no file pictures/ä.png"),
        ("path", "ä" * 200, f"line 3: there is no file {'ä' * 200}"),
    ],
)
def test_impossible_text_is_refused_with_its_line(table, write, add, nothing_written, column, value, problem):
    table.loc[1, column] = value
    assert refused(add, write(table)) == [problem]


def test_a_group_that_is_called_like_a_missing_value_is_remarked(table, write, add):
    table.loc[table.index[:6], "group"] = "nan"
    assert add("csv", write(table)).remarks == [
        "A group is called nan. If this stands for a missing value, leave it out."
    ]


def test_columns_can_have_other_names(table, write, add):
    changed = table.rename(columns={"path": "file name", "label": "class", "group": "patient"})
    names = {"path": "file name", "label": "class", "group": "patient"}
    found = add("csv", write(changed, sep=";"), column=names)
    assert found.remarks == []
    assert found.patch_set.index["label"].tolist() == table["label"].tolist()
    assert found.patch_set.index["group"].tolist() == table["group"].tolist()


def test_a_named_column_replaces_the_one_of_that_name(table, write, add):
    found = add("csv", write(table.assign(cell=table["label"].str.upper())), column={"label": "cell"})
    assert found.patch_set.card.classes == ["A", "B"]
    assert found.remarks == ["Unused columns: label."]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"paht": "label"}, "--column names 'paht', which is not used; it can name path, label, group"),
        ({"group": "gruop"}, r"--column group=gruop: .* has no such column; did you mean 'group'\? Its columns are"),
    ],
)
def test_a_column_that_does_not_exist_is_named(table, write, add, names, message):
    with pytest.raises(SettingError, match=message):
        add("csv", write(table), column=names)


def test_a_column_that_may_be_the_group_is_pointed_out(table, write, add):
    assert add("csv", write(table.rename(columns={"group": "patient"}))).remarks == [
        "Unused columns: patient. If one names the slide or patient, add --column group=NAME."
    ]


def test_the_way_out_of_a_missing_column_is_named(table, write, add):
    with pytest.raises(DataError, match=r"If a column has another name, give it: --column label=NAME\."):
        add("csv", write(table.rename(columns={"label": "class"})))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_image_is_found_in_another_unicode_spelling(table, write, add, tmp_path, form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    folder = tmp_path / "csv" / unicodedata.normalize(form, "Färbung")
    (tmp_path / "csv" / "pictures").rename(folder)
    table["path"] = [unicodedata.normalize(other, name.replace("pictures", "Färbung")) for name in table["path"]]
    assert len(add("csv", write(table)).patch_set) == 48


def test_a_path_of_windows_is_found(table, write, add):
    table["path"] = table["path"].str.replace("/", "\\")
    assert add("csv", write(table)).patch_set.index["source"][5] == "pictures/5.png"


def test_two_spellings_of_one_image_are_the_same_patch(table, write, add, tmp_path, nothing_written):
    (tmp_path / "csv" / "pictures" / "5.png").rename(tmp_path / "csv" / "pictures" / "ä.png")
    table.loc[5, "path"] = "pictures/ä.png"
    twice = table.iloc[5:6].assign(path=unicodedata.normalize("NFD", "pictures/ä.png"))
    (problem,) = refused(add, write(pd.concat([table, twice])))
    assert problem.startswith("line 50: it is the same patch as line 7 (")


def test_a_missing_table_is_named(tmp_path, add):
    with pytest.raises(DataError, match=r"There is no file .*x\.csv; give a \.csv"):
        add("csv", tmp_path / "x.csv")


@pytest.fixture
def fields(tmp_path):
    """Three fields of 20 touching cells of 16 px, their numbers in 16-bit masks, and their centres in a table."""
    rows = ["path,label,group,x,y,mask"]
    numbers = np.kron(np.arange(1, 21, dtype=np.uint16).reshape(4, 5), np.ones((16, 16), np.uint16))
    for field in range(3):
        Image.fromarray(np.random.default_rng(field).integers(0, 256, (64, 80, 3), dtype=np.uint8)).save(
            tmp_path / f"{field}.png"
        )
        Image.fromarray(numbers).save(tmp_path / f"{field}_masks.png")
        for cell in range(20):
            x, y = 16 * (cell % 5) + 7.5, 16 * (cell // 5) + 7.5
            rows.append(f"{field}.png,{'ab'[cell % 2]},{field}{cell},{x},{y},{field}_masks.png")
    (tmp_path / "cells.csv").write_text("\n".join(rows))
    return tmp_path


def test_touching_cells_are_kept_apart_and_a_mask_is_read_once(fields, add, monkeypatch):
    read, calls = ImageReader.mask, []
    monkeypatch.setattr(ImageReader, "mask", lambda self, source: calls.append(source) or read(self, source))
    found = add("csv", fields / "cells.csv", patch_size=24, mask_values="cells").patch_set
    assert found.radius_px([0, 7]).tolist() == pytest.approx([16 / np.sqrt(np.pi)] * 2)
    assert (found.masks.sum(axis=(1, 2)) == 256).all()
    assert len(calls) == 3


def test_numbers_of_touching_cells_need_an_option_and_every_cell_is_named(fields, add, nothing_written):
    with pytest.raises(DataError) as caught:
        add("csv", fields / "cells.csv", patch_size=24)
    text = str(caught.value)
    assert "60 problems" in text
    assert (
        "0.png: its mask 0_masks.png has 20 values (1, 2, 3, 4, …) in one connected region at (7.5, 7.5). Add " in text
    )


def test_centres_are_in_the_stored_frame_and_the_user_is_told(fields, add):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.asarray(Image.open(fields / "1.png"))
    Image.fromarray(pixels).save(fields / "1.png", exif=exif)
    table = (fields / "cells.csv").read_text().splitlines()
    (fields / "cells.csv").write_text("\n".join(line.rsplit(",", 1)[0] for line in table))
    imported = add("csv", fields / "cells.csv", patch_size=16)
    assert (imported.patch_set.patches[20] == pixels[:16, :16]).all()
    assert imported.remarks == [
        "1 images have an EXIF orientation; x and y are read in the frame of the stored pixels."
    ]
