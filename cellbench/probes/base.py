"""What a probe is: the shallow classifier whose macro F1 says what an embedding is worth; and the registry of probes.

A new probe is one file in this package. Another package adds one by an entry point of the group `cellbench.probes`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from cellbench.registry import Registry


class FittedProbe(ABC):
    """A classifier of embeddings."""

    @abstractmethod
    def probabilities(self, embeddings: np.ndarray) -> np.ndarray:
        """Return class probabilities of shape (N, classes) for embeddings of shape (N, D)."""

    def predict(self, embeddings: np.ndarray) -> np.ndarray:
        """Return class codes of shape (N,)."""
        return np.asarray(self.probabilities(embeddings).argmax(axis=1))

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Return all that `Probe.restore` needs, as numeric arrays."""


class Probe(ABC):
    """A kind of probe.

    Attributes:
        seeds: Seeds wherever a score is a result; the scores of the seeds are averaged. A probe whose result hardly
            depends on its seed has one.
        rung_seeds: Seeds at a rung, where a score only ranks trials.
        version: Raised with each change of the numbers, so that scores of an older version are not read from a cache.
    """

    seeds: ClassVar[tuple[int, ...]]
    rung_seeds: ClassVar[tuple[int, ...]] = (0,)
    version: ClassVar[int] = 1

    @classmethod
    @abstractmethod
    def fit(
        cls,
        embeddings: np.ndarray,
        labels: np.ndarray,
        groups: np.ndarray,
        n_classes: int,
        fits: Sequence[tuple[np.ndarray, int]],
    ) -> Sequence[FittedProbe]:
        """Fit several probes.

        Args:
            embeddings: Shape (N, D).
            labels: Class codes, shape (N,).
            groups: Group codes, shape (N,). What a probe chooses for itself is chosen on folds that split no group.
            n_classes: Number of classes.
            fits: For each probe, the rows that it is fitted on and its seed. Other rows are not used.

        Returns:
            The probes, in the order of `fits`.
        """

    @classmethod
    def fit_whole(
        cls, embeddings: np.ndarray, labels: np.ndarray, groups: np.ndarray, n_classes: int, seeds: Sequence[int]
    ) -> Sequence[FittedProbe]:
        """Fit a probe on all patches for each seed; the arguments are those of `fit`."""
        everything = np.arange(len(labels))
        return cls.fit(embeddings, labels, groups, n_classes, [(everything, seed) for seed in seeds])

    @classmethod
    @abstractmethod
    def restore(cls, state: Mapping[str, np.ndarray]) -> FittedProbe:
        """Return a fitted probe from its state.

        Raises:
            DataError: The state is damaged.
        """


PROBES: Registry[type[Probe]] = Registry("probe", entry_points="cellbench.probes")
