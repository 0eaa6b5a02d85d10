"""Reading of small files that may be damaged, or written by a stranger: no read blocks or fills the memory."""

import os
import stat
from pathlib import Path
from typing import Any

MAX_BYTES = 64 * 2**20
"""Largest size of a text file. The largest that a search writes is the history of a trial, a few MB."""
MAX_YAML_BYTES = 2**20
"""Largest size of a YAML file, because PyYAML reads only about 100 kB a second."""

_MAX_DIGITS = 300
"""Digits of the longest integer that a float can hold."""


def check_regular(path: Path) -> None:
    """Check that a path is a regular file, because opening a pipe or a device may block.

    Raises:
        OSError: There is no such file, or it is a folder, a pipe or a device.
    """
    _check_kind(path.stat().st_mode, path)


def read_text(path: Path, max_bytes: int = MAX_BYTES) -> str:
    """Return the text of a small UTF-8 file.

    Args:
        path: A regular file, or a link to one.
        max_bytes: Largest size.

    Raises:
        OSError: The file cannot be read, is too large, or is a folder, a pipe or a device. `strerror` says which.
        UnicodeDecodeError: The file is not UTF-8.
    """
    return read_bytes(path, max_bytes).decode("utf-8").replace("\r\n", "\n")


def read_bytes(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the content of a small file.

    Args:
        path: A regular file, or a link to one.
        max_bytes: Largest size.

    Raises:
        OSError: The file cannot be read, is too large, or is a folder, a pipe or a device. `strerror` says which.
    """
    # Without O_NONBLOCK, opening a pipe waits for its writer.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        _check_kind(os.fstat(descriptor).st_mode, path)
    except OSError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(0, f"it is larger than {max_bytes / 1e6:.0f} MB", str(path))
    return content


def find_link(folder: Path, skipped: str = "") -> Path | None:
    """Return the first symbolic link in a folder and its folders, or None.

    Args:
        folder: The folder.
        skipped: Name of a folder in it whose content is not searched.
    """
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        if entry.is_symlink():
            return Path(entry.path)
        if entry.is_dir() and entry.name != skipped and (link := find_link(Path(entry.path))) is not None:
            return link
    return None


def load_yaml(text: str) -> Any:
    """Return the content of a YAML text without aliases.

    Raises:
        ValueError: The text is not YAML, is nested too deeply, has an alias, or has a value that is none, such as an
            impossible date.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):  # a few nested aliases stand for more values than fit in memory
                raise yaml.YAMLError("it has an alias, which begins with *; write its value instead")
            return super().compose_node(parent, index)

    try:
        return yaml.load(text, Loader=Loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:  # an impossible date, or an integer of thousands of digits
        raise ValueError("it has a date or number that cannot be read") from error
    except (TypeError, AttributeError, LookupError) as error:  # PyYAML raises these for keys it cannot use
        raise ValueError(f"it has a value that is not valid: {error}") from error


def load_json(text: str) -> Any:
    """Return the content of a JSON text.

    Raises:
        ValueError: The text is not JSON, is nested too deeply, or has an integer that is beyond every float.
    """
    import json

    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"it has an integer of {len(digits)} digits")
    return int(digits)


def _check_kind(mode: int, path: Path) -> None:
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise OSError(0, f"it is {kind}, not a file", str(path))
