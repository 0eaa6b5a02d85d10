"""Identical and nearly identical patches: their groups are merged, and different labels of one patch are reported.

A near-duplicate is the same image again: compressed anew, turned by quarters, mirrored, slightly brighter or blurred.
It is found in two steps. The *hash* of a patch is what its thumbnail has in common with its eight symmetries, reduced
to a few numbers by a projection. A projection brings no two patches further apart, so patches with unlike hashes cannot
correlate highly. Patches with like hashes are compared by the correlation of their thumbnails in all eight symmetries.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

THUMBNAIL_PX = 32
"""Side of a thumbnail in px."""
MIN_CORRELATION = 0.985
"""Smallest correlation of near-duplicates. Unlike cells reach 0.918 in `pbc`, 0.981 in `wbc1` (docs/data.md)."""
STRICT_CORRELATION = 0.998
"""Smallest correlation of near-duplicates where many patches are alike."""
MAX_SHARE = 0.1
"""Largest share of near-duplicates at `MIN_CORRELATION`, and of one cluster at `STRICT_CORRELATION`.

Where more patches are alike, the thumbnails do not tell cells apart.
"""
_DIMENSIONS = 24  # of a hash
_MAX_CANDIDATES = 50  # pairs with like hashes per patch
_CHUNK = 1000  # pairs, or patches, at a time


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


@dataclass(frozen=True)
class NearDuplicates:
    """The near-duplicates of a data set.

    Attributes:
        cluster: Number of the cluster of each patch, shape (N,). Near-duplicates share a cluster, also through a third.
        n_patches: Number of patches that are near-duplicates of an earlier one.
        limit: Smallest correlation of near-duplicates.
        too_many: Whether so many patches look alike that they are not taken for near-duplicates. Only identical
            patches share a cluster then.
    """

    cluster: NDArray[np.int64]
    n_patches: int
    limit: float
    too_many: bool


def thumbnail(patch: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the thumbnail of a patch of shape (H, H, 3), uint8, shape (T, T, 3): means over blocks of pixels."""
    side = THUMBNAIL_PX
    return np.asarray(Image.fromarray(patch).resize((side, side), Image.Resampling.BOX))


def near_duplicates(thumbnails: NDArray[np.uint8], hashes: Sequence[str]) -> NearDuplicates:
    """Find the near-duplicates of a data set, beside its identical patches.

    Args:
        thumbnails: uint8, shape (N, T, T, 3), where T is `THUMBNAIL_PX`.
        hashes: Content hash of each patch, N hashes. Identical patches share a cluster and are not counted.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    _, first, content = np.unique(np.asarray(hashes, dtype=object), return_index=True, return_inverse=True)
    n = len(first)
    for limit in (MIN_CORRELATION, STRICT_CORRELATION):
        pairs = _near_pairs(thumbnails[first], limit)
        if pairs is None:
            continue
        graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
        n_clusters, cluster = connected_components(graph, directed=False)
        alike = len(np.unique(pairs)) if limit == MIN_CORRELATION else np.bincount(cluster).max()
        if alike <= max(2, MAX_SHARE * n):
            return NearDuplicates(cluster[content].astype(np.int64), n - n_clusters, limit, False)
    return NearDuplicates(content.astype(np.int64), 0, STRICT_CORRELATION, True)


def _near_pairs(thumbnails: NDArray[np.uint8], limit: float) -> NDArray[np.int64] | None:
    """Return pairs of positions whose correlation reaches the limit, shape (P, 2); None where hashes are too alike."""
    from scipy.spatial import cKDTree

    means, norms = _moments(thumbnails)
    usable = np.flatnonzero(norms > THUMBNAIL_PX)  # a blank patch correlates with nothing
    if len(usable) < 2:
        return np.empty((0, 2), np.int64)
    tree = cKDTree(_projected(thumbnails, means, norms, usable))
    # Unit vectors x and y with the correlation c are sqrt(2 - 2c) apart; the hash of both is no further apart.
    reach = (2 - 2 * limit) ** 0.5
    if tree.count_neighbors(tree, reach) > (2 * _MAX_CANDIDATES + 1) * len(usable):
        return None
    candidates = usable[tree.query_pairs(reach, output_type="ndarray").astype(np.int64)]
    near = [
        part[_best_correlation(thumbnails, means, norms, part) >= limit]
        for part in np.array_split(candidates, -(-len(candidates) // _CHUNK) or 1)
    ]
    return np.concatenate(near)


def _moments(thumbnails: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean of each thumbnail, and the length of the vector of its values without the mean."""
    flat = thumbnails.reshape(len(thumbnails), -1)
    means, spreads = flat.mean(axis=1, dtype=np.float32), flat.std(axis=1, dtype=np.float32)
    return means, spreads * np.float32(flat.shape[1] ** 0.5)


def _projected(
    thumbnails: NDArray[np.uint8], means: NDArray[np.float32], norms: NDArray[np.float32], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the hash of some thumbnails: the mean over the eight symmetries, in its main directions."""
    half = THUMBNAIL_PX // 2
    found = np.empty((len(rows), half * half * 3), np.float32)
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        blocks = thumbnails[part].reshape(-1, half, 2, half, 2, 3).mean(axis=(2, 4), dtype=np.float32)
        # Twice the mean of four px is an orthonormal projection of them.
        unit = 2 * (blocks - means[part, None, None, None]) / norms[part, None, None, None]
        found[start : start + _CHUNK] = np.mean(list(_symmetries(unit)), axis=0).reshape(len(part), -1)
    sample = found[np.random.default_rng(0).permutation(len(found))[: 4 * _CHUNK]]
    _, directions = np.linalg.eigh(np.cov(sample.T))
    return found @ directions[:, -_DIMENSIONS:].astype(np.float32)


def _best_correlation(
    thumbnails: NDArray[np.uint8],
    means: NDArray[np.float32],
    norms: NDArray[np.float32],
    pairs: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the largest correlation of each pair of thumbnails over the eight symmetries, shape (P,)."""
    one, other = (
        (thumbnails[rows] - means[rows, None, None, None]) / norms[rows, None, None, None] for rows in pairs.T
    )
    found = [np.einsum("nhwc,nhwc->n", one, turned) for turned in _symmetries(other)]
    return np.asarray(np.max(found, axis=0), np.float32)


def _symmetries(images: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield images of shape (N, H, H, C) in the eight symmetries of the square."""
    for turned in (images, images.swapaxes(1, 2)):
        for flipped in (turned, turned[:, ::-1]):
            yield from (flipped, flipped[:, :, ::-1])
