"""Checks the file of a result before the result is computed."""

from pathlib import Path

from cellbench.errors import SettingError


def check_output(option: str, path: Path | None) -> None:
    """Check that a file can have this path: its folder exists, and the path is not itself a folder.

    Args:
        option: Option that the path was typed for.
        path: The typed path, or None if none was typed.

    Raises:
        SettingError: The path is a folder, or is in a folder that does not exist.
    """
    if path is None:
        return
    if path.is_dir():
        raise SettingError(f"{option} {path} is a folder; give the path of a file.")
    if not path.absolute().parent.is_dir():
        raise SettingError(f"{option} {path}: there is no folder {path.absolute().parent}; make it, or choose another.")
