import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cellbench.errors import DataError
from cellbench.importers.images import MAX_PIXELS, ImageReader

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)


def write(path, pixels, mode=None, **options):
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path, **options)
    return str(path)


def png(width, height, depth, colour, data):
    """Return a PNG as bytes, also of kinds that Pillow does not write."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "webp"])
def test_rgb_is_unchanged(tmp_path, ending):
    reader = ImageReader()
    path = write(tmp_path / f"x.{ending}", PIXELS, **({"lossless": True} if ending == "webp" else {}))
    found = reader.image(path)
    assert found.dtype == np.uint8
    assert (found == PIXELS).all()
    assert reader.size(path) == (6, 5)
    assert reader.n_grey == 0


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_is_copied_to_three_channels_and_counted(tmp_path, mode):
    reader = ImageReader()
    path = write(tmp_path / "x.png", PIXELS, mode)
    found = reader.image(path)
    expected = np.asarray(Image.open(path).convert("L"))
    assert (found == expected[..., None]).all()
    assert reader.n_grey == 1


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_opaque_alpha_channel_is_dropped(tmp_path, mode):
    found = ImageReader().image(write(tmp_path / "x.png", PIXELS, mode))
    assert found.shape == (6, 5, 3)


def test_one_transparent_pixel_is_refused(tmp_path):
    pixels = np.dstack([PIXELS, np.full((6, 5), 255, np.uint8)])
    pixels[0, 0, 3] = 254
    with pytest.raises(DataError, match="transparent pixels; flatten it"):
        ImageReader().image(write(tmp_path / "x.png", pixels))


def test_a_palette_is_resolved(tmp_path):
    path = tmp_path / "x.png"
    image = Image.fromarray(PIXELS).quantize(8)
    image.save(path)
    assert (ImageReader().image(str(path)) == np.asarray(image.convert("RGB"))).all()


@pytest.mark.parametrize(
    "content",
    [
        png(2, 2, 16, 2, (b"\0" + b"\x12\x34" * 6) * 2),  # RGB, which Pillow reduces to 8 bits without a warning
        png(2, 2, 16, 0, (b"\0" + b"\x12\x34" * 2) * 2),
        png(2, 2, 16, 6, (b"\0" + b"\xff\xff" * 8) * 2),
    ],
)
def test_16_bit_is_refused(tmp_path, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    for read in (ImageReader().size, ImageReader().image):
        with pytest.raises(DataError, match="more than 8 bits per channel; scale it to 8-bit RGB"):
            read(str(path))


@pytest.mark.parametrize(
    ("pixels", "mode"), [(np.zeros((4, 4), np.uint16), None), (np.zeros((4, 4), np.float32), None)]
)
def test_16_bit_and_float_tiff_are_refused(tmp_path, pixels, mode):
    with pytest.raises(DataError, match="more than 8 bits per channel"):
        ImageReader().size(write(tmp_path / "x.tif", pixels, mode))


def test_16_bit_colours_in_a_tiff_are_refused(tmp_path):
    path = tmp_path / "x.tif"
    strip, tags = b"\x34\x12" * 3, [(256, 4, 1), (257, 4, 1), (258, 3, 134), (259, 3, 1), (262, 3, 2), (273, 4, 140)]
    tags += [(277, 3, 3), (278, 4, 1), (279, 4, 6)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 3 if tag == 258 else 1, value) for tag, kind, value in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0" * 4
    path.write_bytes(head.ljust(134, b"\0") + struct.pack("<HHH", 16, 16, 16) + strip)
    with Image.open(path) as image:
        assert image.mode == "RGB"
    with pytest.raises(DataError, match="more than 8 bits per channel"):
        ImageReader().size(str(path))


def test_print_colours_are_refused(tmp_path):
    with pytest.raises(DataError, match="stored as CMYK; convert it to 8-bit RGB"):
        ImageReader().image(write(tmp_path / "x.jpg", PIXELS, "CMYK"))


@pytest.mark.parametrize(("ending", "kind"), [("tif", "TIFF"), ("png", "PNG"), ("webp", "WEBP"), ("jpg", "MPO")])
def test_several_frames_are_refused_in_every_format(tmp_path, ending, kind):
    path = tmp_path / f"x.{ending}"
    Image.fromarray(PIXELS).save(path, kind, save_all=True, append_images=[Image.fromarray(255 - PIXELS)])
    for read in (ImageReader().size, ImageReader().image, ImageReader().mask):
        with pytest.raises(DataError, match="it has 2 pages or frames; save the one you need as a separate file"):
            read(str(path))


def test_other_formats_are_not_opened_whatever_the_suffix(tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.EpsImageFile.__init__", lambda *args: pytest.fail("EPS was opened"))
    path = tmp_path / "x.png"
    Image.fromarray(PIXELS).save(path, "EPS")
    with pytest.raises(DataError, match="not a readable image; save it as PNG, JPEG, TIFF, BMP or WebP"):
        ImageReader().size(str(path))


@pytest.mark.parametrize("n_pixels", [MAX_PIXELS, MAX_PIXELS + 20_000, 10**10])
def test_a_huge_image_is_refused_from_its_head(tmp_path, n_pixels):
    path = tmp_path / "x.png"
    path.write_bytes(png(n_pixels // 10_000, 10_000, 8, 2, b""))
    if n_pixels > MAX_PIXELS:
        with pytest.raises(DataError, match=r"it is too large .* cut it into smaller images"):
            ImageReader().size(str(path))
    else:
        assert ImageReader().size(str(path)) == (10_000, 10_000)


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        ImageReader().image(str(tmp_path / "x.png"))


@pytest.mark.parametrize("content", [b"", b"not an image", b"GIF89a"])
def test_a_file_that_is_not_an_image_is_refused(tmp_path, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"not a readable image|damaged or truncated"):
        ImageReader().size(str(path))


@given(st.sampled_from(["png", "jpeg", "bmp", "tiff"]), st.floats(0, 1), st.binary(max_size=4), st.booleans())
@settings(max_examples=150, deadline=None)
def test_damaged_bytes_give_an_image_or_one_sentence(tmp_path_factory, kind, where, noise, cut):
    buffer = io.BytesIO()
    Image.fromarray(np.tile(PIXELS, (8, 8, 1))).save(buffer, kind)
    content = bytearray(buffer.getvalue())
    at = int(where * (len(content) - 1))
    content = content[:at] if cut else content[:at] + noise + content[at + len(noise) :]
    path = tmp_path_factory.mktemp("bytes") / f"x.{kind}"
    path.write_bytes(content)
    try:
        found = ImageReader().image(str(path)).ndim
    except DataError as error:
        found = str(error).count("\n")
    assert found in (3, 0)


def test_a_mask_keeps_its_values(tmp_path):
    pixels = np.array([[0, 128, 255]], np.uint8)
    found = ImageReader().mask(write(tmp_path / "x.png", pixels))
    assert found.dtype == np.int32
    assert found.tolist() == [[0, 128, 255]]
    red = np.dstack([pixels, pixels * 0, pixels * 0])
    assert ImageReader().mask(write(tmp_path / "y.png", red)).tolist() == [[0, 128, 255]]
    deep = pixels.astype(np.uint16) * 200
    assert ImageReader().mask(write(tmp_path / "z.png", deep)).tolist() == [[0, 25600, 51000]]
    assert ImageReader().mask(write(tmp_path / "z.tif", deep.astype(np.int32) + 70000)).min() == 70000


def test_each_colour_of_a_mask_is_another_value(tmp_path):
    pixels = np.array([[[0, 0, 0], [255, 0, 0], [0, 0, 255], [255, 0, 0]]], np.uint8)
    found = ImageReader().mask(write(tmp_path / "x.png", pixels))[0]
    assert found[0] == 0
    assert found[1] == found[3]
    assert len(set(found.tolist())) == 3


def test_the_alpha_channel_of_a_mask_marks_nothing(tmp_path):
    pixels = np.zeros((1, 2, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[0, 1, 0] = 9
    assert ImageReader().mask(write(tmp_path / "x.png", pixels)).tolist() == [[0, 9]]


@pytest.mark.parametrize("values", [[[0.0, 0.5]], [[0.0, np.nan]], [[-1.0, 1.0]]])
def test_a_mask_of_other_than_whole_numbers_is_refused(tmp_path, values):
    path = write(tmp_path / "x.tif", np.array(values, np.float32))
    with pytest.raises(DataError, match="values are not whole numbers from 0"):
        ImageReader().mask(path)


def test_a_mask_whose_colours_pillow_would_cut_to_8_bits_is_refused(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(png(2, 2, 16, 2, (b"\0" + b"\x00\x34" * 6) * 2))
    with pytest.raises(DataError, match="more than 8 bits per channel"):
        ImageReader().mask(str(path))


def disc(radius, level=255):
    axis = np.arange(96) - 47.5
    return (level * (np.hypot(axis[:, None], axis[None]) <= radius)).astype(np.uint8)


@pytest.mark.parametrize(("ending", "options"), [("jpg", {"quality": 75}), ("jpg", {"quality": 95}), ("webp", {})])
def test_a_lossy_mask_of_two_values_is_cut_at_half(tmp_path, ending, options):
    path = write(tmp_path / f"x.{ending}", disc(20), **options)
    with Image.open(path) as image:
        assert len(np.unique(np.asarray(image))) > 10
    assert (ImageReader().mask(path) == disc(20, 1)).all()


def test_a_lossy_mask_of_several_values_is_refused(tmp_path):
    parts = np.where(disc(10) > 0, 255, disc(20, 128)).astype(np.uint8)
    numbers = disc(20, 20) + disc(10, 10)
    colours = np.dstack([disc(20), disc(10), disc(20) * 0])
    for name, pixels in {"parts": parts, "numbers": numbers, "colours": colours}.items():
        with pytest.raises(DataError, match=r"lossy compression changed its (values|colours); save it as PNG"):
            ImageReader().mask(write(tmp_path / f"{name}.jpg", pixels, quality=75))


def test_smoothed_edges_of_a_mask_are_cut_at_half(tmp_path):
    smooth = np.asarray(Image.fromarray(disc(44)).resize((24, 24), Image.Resampling.BILINEAR))
    assert len(np.unique(smooth)) > 5
    path = write(tmp_path / "x.png", smooth)
    assert (ImageReader().mask(path) == (smooth >= 127.5)).all()


def test_numbers_of_many_cells_are_no_smoothed_edges(tmp_path):
    numbers = np.kron(np.arange(225, dtype=np.uint8).reshape(15, 15), np.ones((8, 8), np.uint8))
    assert (ImageReader().mask(write(tmp_path / "x.png", numbers)) == numbers).all()
    small = np.zeros_like(numbers)
    small[::8, ::8] = numbers[::8, ::8]
    assert (ImageReader().mask(write(tmp_path / "y.png", small)) == small).all()


CORNER = np.zeros((4, 6, 3), np.uint8)
CORNER[0, 0], CORNER[0, 5] = (255, 0, 0), (0, 255, 0)
UPRIGHT = {
    1: CORNER,
    2: CORNER[:, ::-1],
    3: CORNER[::-1, ::-1],
    4: CORNER[::-1],
    5: CORNER.transpose(1, 0, 2),
    6: np.rot90(CORNER, -1),
    7: CORNER[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(CORNER),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("ending", ["png", "webp"])
def test_an_image_is_read_as_stored_or_turned_upright(tmp_path, orientation, ending):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write(tmp_path / f"x.{ending}", CORNER, exif=exif, **({"lossless": True} if ending == "webp" else {}))
    stored = ImageReader()
    assert (stored.image(path) == CORNER).all()
    assert stored.size(path) == (4, 6)
    assert stored.orientations == ({} if orientation == 1 else {path: orientation})
    upright = ImageReader(upright={path})
    assert (upright.image(path) == UPRIGHT[orientation]).all()
    assert upright.size(path) == UPRIGHT[orientation].shape[:2]
    assert upright.orientations == {}


def test_damaged_metadata_have_no_orientation(tmp_path):
    reader = ImageReader()
    path = write(tmp_path / "x.jpg", PIXELS, exif=b"Exif\0\0damaged")
    assert reader.image(path).shape == (6, 5, 3)
    assert reader.orientations == {}


def test_a_turned_tiff_is_refused(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    with pytest.raises(DataError, match="a TIFF with orientation 6, which programs read differently; save it as PNG"):
        ImageReader().size(write(tmp_path / "x.tif", PIXELS, exif=exif))
