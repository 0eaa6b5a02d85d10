"""Spelling of names: Unicode has several spellings of one text, and file systems keep what they are given."""

import unicodedata


def nfc(text: str) -> str:
    """Return a text in the composed Unicode form NFC, in which equal texts are equal strings.

    >>> nfc("Pla\u0308ttchen") == "Pl\u00e4ttchen"
    True
    """
    return unicodedata.normalize("NFC", text)
