"""Files that the user names for the output of a program.

A regular file is replaced as a whole, so that an interrupted program leaves no half of it. A device or a pipe, such as
`/dev/stdout`, is opened and written as it is.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cellbench.disk import temporary_name
from cellbench.errors import SettingError, StoreError


def check_output(path: Path | None, option: str) -> None:
    """Check, before the work begins, that an output file can be written.

    Args:
        path: The file; None where the option is not typed.
        option: The option that names it, for the message.

    Raises:
        SettingError: The path is a folder, its folder is missing, or it may not be written.
    """
    if path is None:
        return
    folder = path.absolute().parent
    try:
        if path.is_dir():
            raise SettingError(f"{option} {path} is a folder; name a file in it.")
        if not folder.is_dir():
            raise SettingError(f"{option} {path}: there is no folder {folder}; make it, or choose another.")
        with suppress(FileNotFoundError):
            temporary_name(path).stat()  # its name is longer
    except (OSError, ValueError) as error:
        if isinstance(error, SettingError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingError(f"{option} cannot be written ({reason}); choose another file.") from None
    if not os.access(path if _is_special(path) else folder, os.W_OK):
        raise SettingError(f"{option} {path} cannot be written (Permission denied); choose another folder.")


@contextmanager
def output_file(path: Path) -> Iterator[Path]:
    """Yield the path of a new file, which becomes the output file at the end of the block.

    Args:
        path: The output file. A link to a regular file is replaced, not followed.

    Raises:
        StoreError: The file cannot be written.
    """
    try:
        if _is_special(path):
            with tempfile.TemporaryDirectory() as folder:
                part = Path(folder) / "output"
                yield part
                with part.open("rb") as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target)
            return
        part = temporary_name(path)
        try:
            yield part
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink()
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        reason = error.strerror or str(error)
        raise StoreError(f"{path} cannot be written ({reason}); choose another file.") from error


def write_output(path: Path, text: str) -> None:
    """Write a text to an output file, as UTF-8.

    Raises:
        StoreError: The file cannot be written.
    """
    with output_file(path) as part:
        part.write_text(text, encoding="utf-8")


def _is_special(path: Path) -> bool:
    """Return whether a path exists and is no regular file, or is a name of an open file, such as `/dev/stdout`."""
    folder = Path(os.path.realpath(path.absolute().parent))
    if folder == Path("/dev") or folder.is_relative_to("/proc"):
        return True
    return path.exists() and not path.is_file()
