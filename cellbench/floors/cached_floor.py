"""A floor on a data set: fitted, embedded and scored once, and then read from the cache."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cellbench.errors import DataError
from cellbench.floors.array_cache import Arrays, cached_arrays
from cellbench.floors.base import FittedFloor, Floor

if TYPE_CHECKING:
    from cellbench.patches.patchset import PatchSet
    from cellbench.scores.classification import ProbeScores

LIBRARIES = ("numpy", "scikit-learn", "timm", "torch")
"""Libraries whose version may change the numbers of a floor."""
_SECONDS = "cache/seconds"
"""Name of the time in a file of the cache, beside the arrays of the floor."""


class CachedFloor:
    """A floor on a data set. What was computed once, by any search, is read from the cache.

    The cache is keyed by all that the numbers depend on: the fingerprint of the data set, the floor, its version,
    parameters and seed, the device and the libraries; the scores also by the probe.

    Args:
        name: Name of the floor.
        floor: The floor.
        patch_set: The data set. The floor is fitted on its pool; labels only score it.
        seeds: Seeds of a floor that is random; others have the seed 0.
        cache: Folder of the cache.
        device: Device that embeds.
    """

    def __init__(
        self,
        name: str,
        floor: Floor,
        patch_set: PatchSet,
        seeds: Sequence[int],
        cache: Path,
        device: str = "cpu",
    ) -> None:
        self.name, self.floor = name, floor
        self.seeds = tuple(seeds) if floor.is_random else (0,)
        self._patch_set, self._cache, self._device = patch_set, cache, device
        self._fitted: dict[int, FittedFloor] = {}
        self._arrays: dict[str, Arrays] = {}

    def fitted(self, seed: int) -> FittedFloor:
        """Return the fitted floor of a seed."""
        if seed not in self._fitted:
            state = self._state(seed)
            if seed not in self._fitted:  # it was not fitted now, but read
                own = {name: array for name, array in state.items() if name != _SECONDS}
                self._fitted[seed] = type(self.floor).restore(own)
        return self._fitted[seed]

    def embeddings(self, seed: int, role: Literal["labelled", "holdout"]) -> np.ndarray:
        """Return the embeddings of the patches of a role, float32, shape (n, D), in the order of their rows."""

        def embed() -> Arrays:
            fitted, patches = self.fitted(seed), self._patches(self._patch_set.rows(role))
            start = time.perf_counter()
            found = fitted.embed(patches, self._device)
            return {"embeddings": found, _SECONDS: np.array(time.perf_counter() - start)}

        return self._cached(seed, role, embed)["embeddings"]

    def scores(self, seed: int, probe: str) -> ProbeScores:
        """Return the cross-validated scores of the labelled patches.

        Args:
            seed: Seed of the floor.
            probe: Name of the probe.

        Raises:
            NotFoundError: The probe is unknown.
        """
        from cellbench.probes import PROBES
        from cellbench.scores.classification import ProbeScores, cross_validate

        version = PROBES.get(probe).version
        names = [field.name for field in fields(ProbeScores)]

        def score() -> Arrays:
            rows, classes = self._patch_set.rows("labelled"), self._patch_set.card.classes
            labels, groups = self._patch_set.labels(rows), self._patch_set.groups(rows)
            found = cross_validate(self.embeddings(seed, "labelled"), labels, groups, len(classes), probe)
            return {name: np.asarray(getattr(found, name)) for name in names}

        found = self._cached(seed, f"scores-{_digest([probe, version, *names])}", score)
        values: dict[str, Any] = {name: found[name] if found[name].ndim else found[name].item() for name in names}
        return ProbeScores(**values)

    def few_labels(self, probe: str) -> dict[int, float]:
        """Return the mean macro F1 over draws and seeds by the number of labels a class.

        Args:
            probe: Name of the probe.

        Raises:
            NotFoundError: The probe is unknown.
        """
        from cellbench.probes import PROBES
        from cellbench.scores.few_labels import N_DRAWS, N_LABELS, few_label_scores

        rows, n_classes = self._patch_set.rows("labelled"), len(self._patch_set.card.classes)

        def score(seed: int) -> Arrays:
            labels, groups = self._patch_set.labels(rows), self._patch_set.groups(rows)
            found = few_label_scores(self.embeddings(seed, "labelled"), labels, groups, n_classes, probe)
            return {str(n): each.draws for n, each in found.items()}

        part = f"few-labels-{_digest([probe, PROBES.get(probe).version, N_DRAWS, *N_LABELS])}"
        drawn = [self._cached(seed, part, lambda seed=seed: score(seed)) for seed in self.seeds]  # type: ignore[misc]
        return {n: float(np.mean([each[str(n)] for each in drawn])) for n in N_LABELS}

    def f1_macro(self, probe: str) -> float:
        """Return the mean macro F1 over seeds."""
        return float(np.mean([self.scores(seed, probe).f1_macro for seed in self.seeds]))

    def f1_std(self, probe: str) -> float:
        """Return the standard deviation of macro F1 over seeds; for one seed, over the folds of the probe."""
        if len(self.seeds) > 1:
            return float(np.std([self.scores(seed, probe).f1_macro for seed in self.seeds], ddof=1))
        return self.scores(self.seeds[0], probe).f1_std

    def seconds(self) -> float:
        """Return the time of fitting and of embedding the labelled patches, s, summed over seeds.

        Where they come from the cache, it is the time that they took when they were computed.
        """
        total = 0.0
        for seed in self.seeds:
            self.embeddings(seed, "labelled")
            embedded = self._arrays[self._key(seed, "labelled")]
            total += float(embedded[_SECONDS]) + float(self._state(seed)[_SECONDS])
        return total

    def _state(self, seed: int) -> Arrays:
        """Return the state of a fitted floor, and the time of fitting. A state that is read is not restored."""
        return self._cached(seed, "fitted", lambda: self._fit(seed))

    def _fit(self, seed: int) -> Arrays:
        rows = self._patch_set.rows("pool")
        if len(rows) == 0:
            raise DataError(
                f"{self._patch_set.card.name} has no patches in its pool, on which the floor {self.name} is fitted."
            )
        pool = self._patches(rows)
        start = time.perf_counter()
        self._fitted[seed] = self.floor.fit(pool, seed)
        return {**self._fitted[seed].state(), _SECONDS: np.array(time.perf_counter() - start)}

    def _patches(self, rows: np.ndarray) -> np.ndarray:
        """Return a copy of some patches. A floor receives no others, so none is fitted on the holdout."""
        return np.array(self._patch_set.resized(self.floor.source_size, self._cache)[rows])

    def _cached(self, seed: int, part: str, compute: Callable[[], Arrays]) -> Arrays:
        key = self._key(seed, part)
        if key not in self._arrays:
            self._arrays[key] = cached_arrays(self._cache / key, compute)
        return self._arrays[key]

    def _key(self, seed: int, part: str) -> str:
        """Return the name of a file in the cache. It begins as that of a resized copy, to be removed with them."""
        identity = {
            "fingerprint": self._patch_set.card.fingerprint,
            "floor": self.name,
            "version": self.floor.version,
            "source_size": self.floor.source_size,
            "parameters": self.floor.parameters,
            "seed": seed,
            "device": self._device.partition(":")[0],
            "libraries": {name: version(name) for name in LIBRARIES},
        }
        readable = re.sub(r"[^A-Za-z0-9_-]", "_", self.name)[:40]
        return f"{self._patch_set.card.fingerprint[:16]}-floor-{readable}-{_digest(identity)}-{part}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
