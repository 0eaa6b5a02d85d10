"""Reads YAML texts that anyone may have written."""

from typing import Any

import yaml


def parse_yaml(text: str) -> Any:
    """Return the content of a YAML text: dictionaries, lists, texts, numbers and dates.

    Raises:
        yaml.YAMLError: The text is not YAML. That includes texts for which PyYAML itself raises other exceptions: a
            date that does not exist, an integer of thousands of digits, and nesting that is too deep.
    """
    try:
        return yaml.safe_load(text)
    except ValueError as error:
        raise yaml.YAMLError(f"a date or number in it cannot be read: {error}") from error
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
