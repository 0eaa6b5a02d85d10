"""What `bench.datasets add` was asked for, checked."""

from typing import Any

from pydantic import ValidationError

from cellbench.errors import SettingError
from cellbench.importers import ImportOptions


def import_options(**values: Any) -> ImportOptions:
    """Return the options of an import; what is wrong with one is said by its name on the command line."""
    try:
        return ImportOptions(**values)
    except ValidationError as error:
        item = error.errors()[0]
        option = "--" + "-".join(str(item["loc"][0]).split("_"))
        raise SettingError(f"{option} is {item['input']!r}: {item['msg'].removeprefix('Value error, ')}.") from error


def pairs(entries: list[str]) -> dict[str, str]:
    """Return what OLD=NEW entries say."""
    found: dict[str, str] = {}
    for entry in entries:
        old, _, new = (part.strip() for part in entry.partition("="))
        if not old or not new:
            raise SettingError(f"--rename needs OLD=NEW, got '{entry}'.")
        if old in found:
            raise SettingError(f"--rename names '{old}' twice.")
        found[old] = new
    return found
