"""Roles of patches: pool, labelled and holdout, drawn once by group, stratified by class, from a seed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cellbench.errors import DataError, listing

HOLDOUT_SHARE = 0.2
"""Share of the scored patches that are held out."""
LABELLED_SHARE = 0.3
"""Share of labelled patches in a data set that is large enough to keep them out of the pool."""
LARGE = 5000
"""Smallest number of scored patches at which pool and labelled patches are different images."""
MIN_GROUPS = 5
"""Smallest number of groups of the pool and of the labelled patches: five folds need five groups."""
MIN_GROUPS_PER_CLASS = 3
"""Smallest number of groups of a scored class: one to train on, one to test on, one to hold out."""


@dataclass(frozen=True)
class Roles:
    """The roles of N patches.

    Attributes:
        in_pool: bool, shape (N,). Patches for learning the representation.
        in_labelled: bool, shape (N,). Patches for scoring it during a search. Each has a scored class.
        in_holdout: bool, shape (N,). Patches for the final score. Each has a scored class.
        classes: Scored classes.
        unscored_classes: Classes that are too rare to be scored, with their number of patches.
        transductive: Whether the labelled patches are also in the pool (without their labels).
        notes: Remarks for the card, one sentence each.
    """

    in_pool: NDArray[np.bool_]
    in_labelled: NDArray[np.bool_]
    in_holdout: NDArray[np.bool_]
    classes: list[str]
    unscored_classes: dict[str, int]
    transductive: bool
    notes: list[str]


def draw_roles(
    labels: Sequence[str | None],
    groups: Sequence[str],
    seed: int = 0,
    min_per_class: int = 20,
    classes: Sequence[str] | None = None,
) -> Roles:
    """Draw the roles of all patches.

    A class is scored if it has `min_per_class` patches in three groups or more. 20 % of the scored patches are held
    out. Below 5 000 scored patches, the rest is both pool and labelled. From 5 000 on, 50 % are pool and 30 % labelled,
    unless there are too few groups for this split. Groups without a scored patch are pool. A group is never split: in
    labelled and held-out groups, patches without a scored class have no role.

    Args:
        labels: Class of each patch, None if it has none, N labels.
        groups: Group of each patch, N names.
        seed: Seed of the draw.
        min_per_class: Smallest number of patches of a scored class.
        classes: Order of the classes. Default: alphabetical.

    Raises:
        DataError: Fewer than two classes can be scored, or there are too few groups for five folds.
    """
    names = pd.Series(list(labels), dtype=object)
    names[names.isna()] = None
    group_codes, group_names = pd.factorize(pd.Series(list(groups), dtype=object), sort=True)
    counts = names.value_counts()
    order = list(classes) if classes is not None else sorted(counts.index)
    if missing := sorted(set(counts.index) - set(order)):
        raise DataError(f"The list of classes lacks these classes of the labels: {listing(missing)}.")
    order = [name for name in order if name in counts.index]
    n_groups_of = pd.Series(group_codes).groupby(names).nunique()
    scored = [c for c in order if counts[c] >= min_per_class and n_groups_of[c] >= MIN_GROUPS_PER_CLASS]
    _check_enough(scored, order, counts, n_groups_of, min_per_class, len(group_names))

    rng = np.random.default_rng(seed)
    notes: list[str] = []
    while True:
        codes = class_codes(names, scored)
        shares = [1 - HOLDOUT_SHARE, 0.0, HOLDOUT_SHARE]
        large = int((codes >= 0).sum()) >= LARGE
        if large:
            shares = [1 - HOLDOUT_SHARE - LABELLED_SHARE, LABELLED_SHARE, HOLDOUT_SHARE]
        part = _divide(codes, group_codes, len(group_names), len(scored), shares, rng)
        if large and not _enough_parts(part, codes, group_codes, len(scored)):
            large = False
            part = np.where(part == 1, 0, part)
            notes.append("There are too few groups to keep the labelled patches out of the pool.")
        role = part[group_codes]
        in_pool, in_holdout = role == 0, (role == 2) & (codes >= 0)
        in_labelled = (role == (1 if large else 0)) & (codes >= 0)
        kept = [
            c for i, c in enumerate(scored) if (in_labelled & (codes == i)).any() and (in_holdout & (codes == i)).any()
        ]
        if kept == scored:
            break
        scored = kept  # the groups of a class differ too much in size to be divided
        _check_enough(scored, order, counts, n_groups_of, min_per_class, len(group_names))

    for role_name, mask in (("the labelled patches", in_labelled), ("the pool", in_pool)):
        n_left = len(np.unique(group_codes[mask]))
        if n_left < MIN_GROUPS:
            raise DataError(
                f"There are {len(group_names)} groups, of which {n_left} remain for {role_name} outside the holdout. "
                f"Five folds need {MIN_GROUPS}. Add images of more slides or patients."
            )
    unscored = {name: int(counts[name]) for name in order if name not in scored}
    return Roles(in_pool, in_labelled, in_holdout, scored, unscored, not large, notes)


def class_codes(labels: Iterable[Any], classes: Sequence[str]) -> NDArray[np.int64]:
    """Return codes into `classes`, −1 for every other label and for None.

    >>> class_codes(["b", None, "z"], ["a", "b"]).tolist()
    [1, -1, -1]
    """
    code_of = {name: code for code, name in enumerate(classes)}
    return np.array([code_of.get(label, -1) for label in labels], dtype=np.int64)


def _divide(
    codes: NDArray[np.int64],
    group_codes: NDArray[np.int64],
    n_groups: int,
    n_classes: int,
    shares: list[float],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return the part of each group: 0 pool, 1 labelled, 2 holdout.

    Groups are assigned in descending size, each to the part that most reduces the distance to the target shares. The
    distance is Σ over parts p and classes c of (n_pc / n_c − share_p)² / share_p.
    """
    counts = np.zeros((n_groups, n_classes))
    np.add.at(counts, (group_codes[codes >= 0], codes[codes >= 0]), 1.0)
    counts /= np.maximum(counts.sum(axis=0), 1.0)
    largest = counts.max(axis=1, initial=0.0)
    order = rng.permutation(n_groups)
    order = order[np.argsort(-largest[order], kind="stable")]
    open_parts = [p for p, share in enumerate(shares) if share > 0]
    target = np.asarray(shares)[open_parts, None]  # (parts, 1)
    lack = np.repeat(target, n_classes, axis=1)  # (parts, classes)
    part = np.zeros(n_groups, dtype=np.int64)
    for group in order:
        if largest[group] == 0:
            continue  # a group without a scored patch stays in the pool
        share = counts[group]
        gain = (share * (2 * lack - share) / target).sum(axis=1)  # decrease of the distance
        best = int(np.argmax(gain))
        part[group] = open_parts[best]
        lack[best] -= share
    return part


def _enough_parts(
    part: NDArray[np.int64], codes: NDArray[np.int64], group_codes: NDArray[np.int64], n_classes: int
) -> bool:
    """Return whether pool and labelled have five groups each, and labelled has each class in two groups."""
    if min(int((part == 0).sum()), int((part == 1).sum())) < MIN_GROUPS:
        return False
    labelled = part[group_codes] == 1
    return all(len(np.unique(group_codes[labelled & (codes == c)])) >= 2 for c in range(n_classes))


def _check_enough(
    scored: list[str],
    order: list[str],
    counts: "pd.Series[int]",
    n_groups_of: "pd.Series[int]",
    min_per_class: int,
    n_groups: int,
) -> None:
    if n_groups < MIN_GROUPS:
        raise DataError(
            f"There {'is 1 group' if n_groups == 1 else f'are {n_groups} groups'} and five folds need {MIN_GROUPS}. "
            "Add images of more slides or patients."
        )
    if len(scored) < 2:
        found = listing(f"{name} {counts[name]} in {n_groups_of[name]} groups" for name in order) or "none"
        raise DataError(
            f"Fewer than two classes can be scored: each needs {min_per_class} patches in {MIN_GROUPS_PER_CLASS} "
            f"groups (found: {found}). Add labelled images, or lower --min-per-class."
        )
