"""Decoding of image files. An image that cannot become 8-bit RGB without loss or guessing is an error.

Pixels are read as they are stored, without EXIF orientation, except for the images that an importer has turned upright.
"""

import re
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from cellbench.errors import DataError
from cellbench.importers.contours import label_values

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""Formats that Pillow may open, whatever the suffix. Others can start programs, as EPS starts Ghostscript."""
MAX_PIXELS = 100_000_000
"""Largest number of pixels of an image. More fill the memory of a laptop, and a small file can claim any size."""


class ImageReader:
    """Reads images from files. A format whose images are not files provides a subclass that overrides its methods.

    Args:
        upright: Images that are turned upright by their EXIF orientation. All others are read as stored.

    Attributes:
        n_grey: Number of greyscale images whose channel was copied to red, green and blue.
        orientations: EXIF orientation of each image and mask that was read as stored, where it is not 1.
    """

    def __init__(self, upright: Collection[str] = ()) -> None:
        self.upright = frozenset(upright)
        self.n_grey = 0
        self.orientations: dict[str, int] = {}

    def size(self, source: str) -> tuple[int, int]:
        """Return height and width in px from the header of an image.

        Raises:
            DataError: The image cannot be read or used. The message does not repeat its name.
        """
        size, orientation = stored_frame(source)
        return upright_size(size, orientation if source in self.upright else 1)

    def image(self, source: str) -> NDArray[np.uint8]:
        """Return an image, uint8, H × W × 3. Greyscale is copied to all three channels and counted.

        Raises:
            DataError: The image cannot be read, or has transparent pixels. The message does not repeat its name.
        """
        with _opened(Path(source)) as image:
            if image.mode in ("L", "1"):
                self.n_grey += 1
            elif image.mode in ("LA", "PA", "RGBA") or (image.mode == "P" and "transparency" in image.info):
                image = image.convert("RGBA")
                if np.asarray(image.getchannel("A")).min() < 255:
                    raise DataError("it has transparent pixels; flatten it onto a background")
            elif image.mode not in ("RGB", "P"):
                raise DataError(f"its colours are stored as {image.mode}; convert it to 8-bit RGB")
            image = image.convert("RGB")
            self._note_orientation(source, image)
            return np.array(ImageOps.exif_transpose(image) if source in self.upright else image)

    def mask(self, source: str) -> NDArray[np.int32]:
        """Return the values of a contour mask as stored, int32, H × W, 0 outside cells.

        Smoothed or lossy edges are cut at half of the largest value; see `label_values`.

        Raises:
            DataError: The mask cannot be read, or its values are not exact. The message does not repeat its name.
        """
        with _opened(Path(source), deep=True) as image:
            lossy = image.format in _LOSSY or image.info.get("compression") in _LOSSY
            channels = image.convert("RGB") if image.mode == "P" and _has_dark_zero(image) else image
            values = np.array(channels)
            self._note_orientation(source, image)
        if values.ndim == 3:  # an alpha channel marks nothing
            values = values[..., :3] if values.shape[2] >= 3 else values[..., 0]
        return label_values(values, lossy)

    def _note_orientation(self, source: str, image: Image.Image) -> None:
        """Record the orientation of an image after decoding: a PNG may state it behind its pixels."""
        if source not in self.upright and (orientation := _orientation(image)) != 1:
            self.orientations[source] = orientation


_LOSSY = frozenset({"JPEG", "MPO", "WEBP", "jpeg", "tiff_jpeg", "webp"})
"""Formats, and compressions of TIFF, that may change the values of a mask."""


def stored_frame(source: str) -> tuple[tuple[int, int], int]:
    """Return height and width in px as stored, and the EXIF orientation (1 to 8), from the header of an image.

    Raises:
        DataError: The image cannot be read or used. The message does not repeat its name.
    """
    with _opened(Path(source)) as image:
        return (image.height, image.width), _orientation(image)


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return height and width of an image after it is turned upright by its EXIF orientation.

    >>> upright_size((3, 4), 6), upright_size((3, 4), 3)
    ((4, 3), (3, 4))
    """
    return size[::-1] if orientation >= 5 else size


def write_image(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write an image file, and its folder where it does not exist.

    Args:
        path: The new file. Its suffix decides the format.
        pixels: uint8, H × W × 3 or H × W.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@contextmanager
def _opened(path: Path, deep: bool = False) -> Iterator[Image.Image]:
    """Open an image lazily. Every error, also one during decoding inside the block, becomes a DataError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings on size and damaged metadata; _check_head decides
            with Image.open(path, formats=FORMATS) as image:
                _check_head(image, deep)
                yield image
    except DataError:
        raise
    except FileNotFoundError as error:
        link = "it is a link to a file that does not exist; fetch that file, for example with datalad get"
        raise DataError(link if path.is_symlink() else "there is no such file") from error
    except Image.DecompressionBombError as error:
        raise DataError("it is too large (a decompression bomb?); cut it into smaller images") from error
    except UnidentifiedImageError as error:
        raise DataError(_not_an_image(path)) from error
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, ValueError, struct.error, zlib.error …
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        is_refused = isinstance(error, OSError) and error.errno is not None
        fault = "cannot be read" if is_refused else "is damaged or truncated"
        raise DataError(f"it {fault} ({reason.splitlines()[0]})") from error


def _not_an_image(path: Path) -> str:
    """Return what a file is that no decoder knows."""
    with path.open("rb") as file:
        start = file.read(200).lstrip().lower()
    if start.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, not the image; run git lfs pull"
    if start.startswith(b"/annex/objects"):
        return "it is a git-annex pointer, not the image; run git annex get"
    if start.startswith((b"<!doctype html", b"<html")):
        return "it is a web page, not an image; download the image again"
    return "it is not a readable image; save it as PNG, JPEG, TIFF, BMP or WebP"


def _check_head(image: Image.Image, deep: bool) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise DataError(
            f"it is too large ({image.width} × {image.height} px, more than {MAX_PIXELS / 1e6:.0f} million pixels); "
            "cut it into smaller images"
        )
    is_deep = image.mode in ("I", "F") or image.mode.startswith("I;16")
    if (is_deep and not deep) or (not is_deep and _is_cut_to_8_bit(image)):
        raise DataError("it has more than 8 bits per channel; scale it to 8-bit RGB")
    if (n_frames := getattr(image, "n_frames", 1)) > 1:
        raise DataError(f"it has {n_frames} pages or frames; save the one you need as a separate file")
    if image.format == "TIFF" and (orientation := _orientation(image)) != 1:
        raise DataError(f"it is a TIFF with orientation {orientation}, which programs read differently; save it as PNG")


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8. A missing or damaged one is 1, as in every program that shows images."""
    try:
        exif = Image.Image.getexif(image)  # the method of PNG images would decode the pixels
    except Exception:  # damaged metadata raise anything, as damaged pixels do
        return 1
    orientation = exif.get(ExifTags.Base.Orientation, 1)
    return orientation if orientation in range(1, 9) else 1


def _is_cut_to_8_bit(image: Image.Image) -> bool:
    """Return whether Pillow would reduce 16-bit colours to 8 bits, which it does without a warning.

    Only the raw mode among the decoder's arguments shows this: "RGB;16B" has 16 bits per channel, "BGR;16" per pixel.
    """
    tiles = image.tile if isinstance(image, ImageFile.ImageFile) else []
    arguments = [tile[3] if isinstance(tile[3], tuple) else (tile[3],) for tile in tiles]
    return any(isinstance(one, str) and re.search(";16[BLNS]", one) for several in arguments for one in several)


def _has_dark_zero(image: Image.Image) -> bool:
    """Return whether palette entry 0 is black. Then colours and indices agree on the background."""
    return (image.getpalette() or [0, 0, 0])[:3] == [0, 0, 0]
