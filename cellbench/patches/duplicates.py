"""Identical patches: their groups are merged, and different labels of one patch are reported."""

from collections.abc import Sequence


def merge_duplicates(groups: Sequence[str], hashes: Sequence[str]) -> tuple[list[str], int]:
    """Merge groups that share an identical patch, so that no split separates the copies.

    Args:
        groups: Group of each patch, N names.
        hashes: Content hash of each patch, N hashes.

    Returns:
        Merged group of each patch, N names (a merged group has the first of its names in alphabetical order), and the
        number of copies.

    Example:
        >>> merge_duplicates(["a", "b", "c"], ["1", "2", "1"])
        (['a', 'b', 'a'], 1)
    """
    parent: dict[str, str] = {name: name for name in groups}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    first: dict[str, str] = {}
    n_copies = 0
    for name, content in zip(groups, hashes, strict=True):
        if content in first:
            n_copies += 1
            low, high = sorted((root(first[content]), root(name)))
            parent[high] = low
        else:
            first[content] = name
    return [root(name) for name in groups], n_copies


def contradictions(labels: Sequence[str | None], names: Sequence[str], hashes: Sequence[str]) -> list[str]:
    """Return a description of each pair of identical patches with different labels.

    Args:
        labels: Label of each patch, None if it has none, N labels.
        names: Name of each patch for the description, N names.
        hashes: Content hash of each patch, N hashes.

    Example:
        >>> contradictions(["x", "y", "x"], ["p", "q", "r"], ["1", "1", "2"])
        ['p (x) = q (y)']
    """
    first: dict[str, int] = {}
    found = []
    for i, content in enumerate(hashes):
        j = first.setdefault(content, i)
        if labels[i] != labels[j]:
            found.append(f"{names[j]} ({labels[j]}) = {names[i]} ({labels[i]})")
    return found
