"""Identical patches under different names: kept on one side of every split, and named where their labels differ."""

from collections.abc import Sequence


def merge_duplicates(groups: Sequence[str], hashes: Sequence[str]) -> tuple[list[str], int]:
    """Put groups that share an identical patch into one, so that no copy ends on the other side of a split.

    Args:
        groups: N names of groups.
        hashes: N content hashes.

    Returns:
        N names of groups (a merged group has the name that comes first), and the number of copies.

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
    """Name the identical patches that carry different labels.

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
