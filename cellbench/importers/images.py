"""Decoding of image files. An image that cannot become 8-bit RGB without loss or guessing is an error.

Pixels are read as they are stored: EXIF orientation is ignored, because boxes and centres ignore it too.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from cellbench.errors import DataError

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
MAX_PIXELS = 100_000_000
"""Largest number of pixels of an image. More fill the memory of a laptop, and a small file can claim any size."""


class ImageReader:
    """Reads images from files. A format whose images are not files provides a subclass that overrides its methods.

    Attributes:
        n_grey: Number of greyscale images whose channel was copied to red, green and blue.
    """

    def __init__(self) -> None:
        self.n_grey = 0

    def size(self, source: str) -> tuple[int, int]:
        """Return height and width in px from the header of an image.

        Raises:
            DataError: The image cannot be read or used. The message does not repeat its name.
        """
        with _opened(Path(source)) as image:
            return image.height, image.width

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
            return np.array(image.convert("RGB"))

    def mask(self, source: str) -> NDArray[np.uint8]:
        """Return a contour mask, uint8, H × W, 1 where any colour channel is above 0 and 0 elsewhere.

        Raises:
            DataError: The mask cannot be read. The message does not repeat its name.
        """
        with _opened(Path(source), deep=True) as image:
            channels = image.convert("RGB") if image.mode == "P" and _has_dark_zero(image) else image
            values = np.array(channels)
        if values.ndim == 3:
            values = values[..., :3] if values.shape[2] >= 3 else values[..., :1]
            values = values.max(axis=2)
        return np.asarray(values > 0, dtype=np.uint8)


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
            with Image.open(path) as image:
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
    return "it is not a readable image"


def _check_head(image: Image.Image, deep: bool) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise DataError(
            f"it is too large ({image.width} × {image.height} px, more than {MAX_PIXELS / 1e6:.0f} million pixels); "
            "cut it into smaller images"
        )
    if not deep and (image.mode in ("I", "F") or image.mode.startswith("I;16") or _is_cut_to_8_bit(image)):
        raise DataError("it has more than 8 bits per channel; scale it to 8-bit RGB")
    if image.format in ("TIFF", "GIF") and getattr(image, "n_frames", 1) > 1:
        raise DataError(f"it has {getattr(image, 'n_frames', 1)} pages; save the page you need as a separate file")


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
