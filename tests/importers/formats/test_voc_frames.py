"""Which image an annotation belongs to, and in which frame of it the boxes are."""

import zlib

import numpy as np
import pytest
from PIL import Image

from cellbench.errors import DataError

BOX = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


def write_pair(root, image, annotation, red, size=(80, 60), text="", orientation=1):
    """Write a noisy image with a red square of 8 px around (x, y), and an annotation of it."""
    x, y = red
    seed = zlib.crc32(image.encode())
    pixels = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    pixels[y - 4 : y + 4, x - 4 : x + 4] = [200, 0, 0]
    exif = Image.Exif()
    exif[0x0112] = orientation
    (root / image).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(root / image, exif=exif)
    box = BOX.format("ab"[seed % 2], x - 3, y - 3, x + 5, y + 5)
    stated = "" if size is None else f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    (root / annotation).parent.mkdir(parents=True, exist_ok=True)
    (root / annotation).write_text(f"<annotation>{text}{stated}{box}</annotation>")


def is_red(patch_set):
    """Return for each patch whether it shows the centre of a red square."""
    return (np.asarray(patch_set.patches)[:, 7:9, 7:9] == [200, 0, 0]).all(axis=(1, 2, 3))


@pytest.mark.parametrize(
    ("image", "annotation", "text"),
    [
        ("slide_{}/{}.png", "slide_{}/{}.xml", ""),
        ("slide_{}/{}.png", "slide_{}/{}.xml", "<folder>slide_0</folder>"),
        ("JPEGImages/{}/{}.png", "Annotations/{}/{}.xml", ""),
        ("slide_{}/JPEGImages/{}.png", "slide_{}/Annotations/{}.xml", ""),
        ("slide_{}/{}.png", "slide_{}/Annotations/{}.xml", ""),
    ],
)
def test_slides_with_the_same_file_names_are_kept_apart(tmp_path, add, image, annotation, text):
    root = tmp_path / "slides"
    for number in range(24):
        for slide in (0, 1):
            text_of = text + f"<filename>{number:03}.png</filename>"
            names = image.format(slide, f"{number:03}"), annotation.format(slide, f"{number:03}")
            write_pair(root, *names, (20 + 40 * slide, 30), text=text_of)
    found = add("voc", root, patch_size=16, min_per_class=10).patch_set
    assert is_red(found).all()
    assert found.index["source"].nunique() == found.index["group"].nunique() == 48


def test_an_annotation_beside_images_belongs_to_one_of_them(tmp_path, add):
    root = tmp_path / "slides"
    for number in range(24):
        for folder, x in (("", 20), ("other/", 60)):
            write_pair(root, f"{folder}{number:03}.png", f"{folder}{number:03}.xml", (x, 30))
    assert is_red(add("voc", root, patch_size=16, min_per_class=10).patch_set).all()


def test_the_folder_tag_decides_between_images_of_one_name(tmp_path, add):
    root = tmp_path / "slides"
    for number in range(24):
        for slide in "ab":
            text = f"<folder>{slide}</folder><filename>{number:03}.png</filename>"
            red = (20 if slide == "a" else 60, 30)
            write_pair(
                root, f"JPEGImages/{slide}/{number:03}.png", f"Annotations/{slide}_{number:03}.xml", red, text=text
            )
    assert is_red(add("voc", root, patch_size=16, min_per_class=10).patch_set).all()


def refused(add, root, **options):
    with pytest.raises(DataError) as caught:
        add("voc", root, patch_size=16, **options)
    return str(caught.value)


def test_annotations_that_fit_several_images_are_refused(tmp_path, add, nothing_written):
    root = tmp_path / "slides"
    write_pair(root, "JPEGImages/a/1.png", "Annotations/1.xml", (20, 30))
    write_pair(root, "JPEGImages/b/1.png", "Annotations/1.xml", (20, 30))
    write_pair(root, "c/2.png", "c/2.xml", (20, 30), text="<filename>3.png</filename>")
    write_pair(root, "c/3.png", "c/3.xml", (20, 30))
    write_pair(root, "d/4.png", "d/4.xml", (20, 30))
    write_pair(root, "d/4.webp", "d/4.xml", (20, 30))
    write_pair(root, "e/5.png", "e/5.xml", (20, 30))
    write_pair(root, "e/5.png", "e/6.xml", (20, 30), text="<filename>5.png</filename>")
    write_pair(root, "f/other.png", "f/7.xml", (20, 30))
    text = refused(add, root)
    assert "5 problems" in text
    assert "Annotations/1.xml: 2 images fit it: JPEGImages/a/1.png, JPEGImages/b/1.png; put each annotation" in text
    assert "c/2.xml: its own name fits c/2.png, but its <filename> fits c/3.png; correct <filename>" in text
    assert "d/4.xml: 2 images fit it: d/4.png, d/4.webp" in text
    assert "e/6.xml: it belongs to e/5.png, as e/5.xml does; keep one of the two annotations" in text
    assert "f/7.xml: there is no image 7.* for it" in text


def test_the_filename_decides_between_suffixes_and_may_hold_a_path(tmp_path, add):
    root = tmp_path / "slides"
    for number in range(48):
        filename = f"<filename>C:\\data\\{number:03}.png</filename>"
        write_pair(root, f"{number:03}.png", f"{number:03}.xml", (20, 30), text=filename)
        write_pair(root, f"{number:03}.bmp", f"{number:03}.xml", (20, 30), text=filename)
        (root / f"{number:03}.bmp").write_bytes(b"not an image")
    imported = add("voc", root, patch_size=16)
    assert len(imported.patch_set) == 48
    assert "48 images have no annotation." in imported.remarks


def test_an_image_of_another_slide_is_not_taken_for_a_missing_one(tmp_path, add, nothing_written):
    root = tmp_path / "slides"
    for images, annotations in (("{}", "{}"), ("JPEGImages/{}", "Annotations/{}"), ("{}/images", "{}/labels")):
        write_pair(root, f"{images.format('a')}/1.png", f"{annotations.format('a')}/1.xml", (20, 30))
        write_pair(root, f"{images.format('b')}/2.png", f"{annotations.format('b')}/2.xml", (20, 30))
        (root / annotations.format("a") / "2.xml").write_text("<annotation/>")
    text = refused(add, root)
    for folder in ("a", "Annotations/a", "a/labels"):
        assert f"{folder}/2.xml: there is no image 2.* for it" in text


@pytest.mark.parametrize("size", [(80, 60), (0, 0), None])
def test_a_size_that_is_right_or_unknown_is_accepted(tmp_path, add, size):
    for number in range(48):
        write_pair(tmp_path / "in", f"{number:03}.png", f"{number:03}.xml", (20, 30), size)
    assert is_red(add("voc", tmp_path / "in", patch_size=16).patch_set).all()


def test_a_size_that_does_not_fit_the_image_is_refused(tmp_path, add, nothing_written):
    write_pair(tmp_path / "in", "1.png", "1.xml", (20, 30), (160, 120))
    write_pair(tmp_path / "in", "2.png", "2.xml", (20, 30), (60, 80))
    write_pair(tmp_path / "in", "3.png", "3.xml", (20, 30), ("wide", 80))
    text = refused(add, tmp_path / "in")
    assert "1.xml: its <size> is 160 × 120 px, but 1.png is 80 × 60 px; use the image that was annotated" in text
    assert "2.xml: its <size> is 60 × 80 px, but 2.png is 80 × 60 px" in text
    assert "3.xml: its <size> is not a number; correct it, or remove it" in text


# Of a square around (20, 30) in 80 × 60 px: its centre in the upright image. Pixels of even squares lie 1 lower if
# their axis is reversed.
TURNED = {5: (30, 20), 6: (30, 20), 7: (30, 60), 8: (30, 60)}


@pytest.mark.parametrize("orientation", TURNED)
def test_the_size_decides_whether_boxes_are_in_the_upright_image(tmp_path, add, orientation):
    for number in range(48):
        stem = f"{number:03}"
        write_pair(tmp_path / "in", f"{stem}.png", f"{stem}.xml", (20, 30), orientation=orientation)
        if number % 2:
            x, y = TURNED[orientation]
            box = BOX.format("ab"[number % 2], x - 3, y - 3, x + 5, y + 5)
            size = "<size><width>60</width><height>80</height></size>"
            (tmp_path / "in" / f"{stem}.xml").write_text(f"<annotation>{size}{box}</annotation>")
    imported = add("voc", tmp_path / "in", patch_size=16, min_per_class=10)
    assert is_red(imported.patch_set).all()
    assert "24 images were turned upright by their EXIF orientation, as their boxes are." in imported.remarks
    assert "24 images have an EXIF orientation; x and y are read in the frame of the stored pixels." in imported.remarks


@pytest.mark.parametrize(("orientation", "size"), [(2, (80, 60)), (3, (80, 60)), (4, (80, 60)), (6, None), (6, (0, 0))])
def test_an_orientation_that_the_size_cannot_decide_is_refused(tmp_path, add, nothing_written, orientation, size):
    write_pair(tmp_path / "in", "1.png", "1.xml", (20, 30), size, orientation=orientation)
    text = refused(add, tmp_path / "in")
    assert f"1.xml: 1.png has EXIF orientation {orientation}, and <size> does not say whether the boxes" in text
    assert "save the image without EXIF orientation so that its boxes fit" in text


def test_what_is_not_pascal_voc_is_named_and_not_left_out(tmp_path, add, nothing_written):
    root = tmp_path / "slides"
    for number in range(4):
        write_pair(root, f"{number}.png", f"{number}.xml", (20, 30))
    (root / "0.xml").write_text('<annotations><image name="0.png"><box label="a"/></image></annotations>')
    (root / "1.xml").write_text((root / "1.xml").read_text().replace("object>", "Object>"))
    (root / "2.xml").write_text((root / "2.xml").read_text().replace("<annotation", '<annotation xmlns="urn:x"', 1))
    (root / "3.xml").write_text((root / "3.xml").read_text().replace("<xmin>", "<xmin>nan", 1))
    text = refused(add, root)
    assert "0.xml: its root element is <annotations>, not <annotation>, so it is not Pascal VOC" in text
    assert "1.xml: it has <Object>, which Pascal VOC writes <object>" in text
    assert "2.xml: its root element is <{urn:x}annotation>" in text
    assert "3.xml box 1: a side is" in text


def test_annotations_without_a_box_are_counted(tmp_path, add):
    root = tmp_path / "slides"
    for number in range(48):
        write_pair(root, f"{number}.png", f"{number}.xml", (20, 30))
    write_pair(root, "empty.png", "empty.xml", (20, 30))
    (root / "empty.xml").write_text("<annotation></annotation>")
    assert "1 annotations contain no box." in add("voc", root, patch_size=16, min_per_class=5).remarks
