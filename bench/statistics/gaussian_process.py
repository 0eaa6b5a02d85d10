"""A Gaussian process over the hyperparameters of a method, with an effect for each fold."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.space.domains import Choice, Range

Array = NDArray[np.float64]

LENGTH = (0.4, 0.4)
SIGNAL = (1.0, 0.7)
GROUP = (0.3, 0.7)
NOISE_SPREAD = 0.5
"""Log-normal priors: median, and standard deviation of the logarithm. The length scale is in units of the inputs (0–1).
Response and groups are in standard deviations of the values. The median of the noise is the expected noise. The noise
needs a prior: a dozen trials without repeats cannot separate response from noise, and trials of the search stage share
fold and seed, so that neighbours deviate alike and the noise looks smaller than it is."""


def encoded(points: Sequence[Mapping[str, Any]], domains: Mapping[str, Range | Choice]) -> Array:
    """Return points as rows of numbers in 0–1, shape (points, columns).

    A range gives one column on its own scale, numeric choices one column on a log scale. Other choices give one 0/1
    column for each choice after the first.

    Args:
        points: Values by name.
        domains: Searched hyperparameters, in the order of the columns.
    """
    columns: list[list[float]] = []
    for name, domain in domains.items():
        values = [point[name] for point in points]
        if isinstance(domain, Range):
            columns.append([_between(float(v), domain.low, domain.high, domain.log) for v in values])
        elif all(type(choice) is float and choice > 0 for choice in domain.choices):
            numbers = [float(choice) for choice in domain.choices]
            columns.append([_between(float(v), min(numbers), max(numbers), True) for v in values])
        else:
            columns += [[float(value == choice) for value in values] for choice in domain.choices[1:]]
    return np.array(columns, dtype=np.float64).T.reshape(len(points), len(columns))


def _between(value: float, low: float, high: float, log: bool) -> float:
    if log:
        value, low, high = np.log([value, low, high])
    return float((value - low) / (high - low))


@dataclass(frozen=True)
class Scales:
    """Scales of a Gaussian process; response, groups and noise in units of the values.

    Attributes:
        lengths: Length scale of each input, in units of its range.
        signal: Standard deviation of the response.
        group: Standard deviation of the effect that a fold or the whole pool adds to its values.
        noise: Standard deviation between trainings that differ only in their seed.
    """

    lengths: Array
    signal: float
    group: float
    noise: float


class GaussianProcess:
    """Model of values as response(input) + effect(group) + noise.

    The kernel is Matérn 5/2 with one length scale for each input. The scales are at the mode of their posterior. All
    trials are fitted together. This includes trials that were repeated because their value was high: a mean over those
    alone would be biased upwards, the model of all trials is not.

    Args:
        inputs: Shape (n, d), 0–1; n at least 2.
        values: Measured values, shape (n,).
        groups: The fold or pool of each value. Values of one group share an effect.
        noise: Expected standard deviation between trainings that differ only in their seed, in units of the values.
        scales: Scales to use; None fits them.
    """

    def __init__(
        self,
        inputs: Array,
        values: Sequence[float],
        groups: Sequence[Hashable],
        noise: float,
        scales: Scales | None = None,
    ) -> None:
        self._inputs = inputs
        found = np.asarray(values, dtype=np.float64)
        self._centre, self._unit = float(found.mean()), max(float(found.std()), 1e-9)
        self._targets = (found - self._centre) / self._unit
        names = list(dict.fromkeys(groups))
        codes = np.array([names.index(group) for group in groups])
        self._same_group = (codes[:, None] == codes[None]).astype(np.float64) if len(names) > 1 else None
        self._priors = [*[LENGTH] * inputs.shape[1], SIGNAL, GROUP, (noise / self._unit, NOISE_SPREAD)]
        start = np.log([middle for middle, _ in self._priors])
        theta = self._fit(start) if scales is None else self._theta(scales)
        *lengths, signal, group, found_noise = np.exp(theta)
        self._lengths, self._signal = np.array(lengths), float(signal)
        self.scales = Scales(self._lengths, signal * self._unit, group * self._unit, found_noise * self._unit)
        self._factor = np.asarray(np.linalg.cholesky(self._covariance(theta)), dtype=np.float64)
        self._weights = _solved(self._factor, self._targets)

    def posterior(self, inputs: Array) -> tuple[Array, Array]:
        """Return mean (m,) and covariance (m, m) of the response, without noise, at points of shape (m, d)."""
        across = self._kernel(inputs, self._inputs, self._lengths, self._signal)
        mean = across @ self._weights
        half = np.linalg.solve(self._factor, across.T)
        covariance = self._kernel(inputs, inputs, self._lengths, self._signal) - half.T @ half
        return self._centre + self._unit * mean, self._unit**2 * covariance

    def draws(self, inputs: Array, n: int, seed: int = 0) -> Array:
        """Return n responses drawn from the posterior at points of shape (m, d), without noise: shape (n, m)."""
        mean, covariance = self.posterior(inputs)
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.clip(values, 0, None))
        normal = np.random.default_rng(seed).standard_normal((n, len(mean)))
        return mean + normal @ root.T

    def _fit(self, start: Array) -> Array:
        from scipy.optimize import minimize

        best = None
        for shift in (0.0, -1.5, 1.0):  # the posterior has several modes: all response, or all noise
            begin = start.copy()
            begin[-1] += shift
            found = minimize(self._badness, begin, method="L-BFGS-B", bounds=[(v - 4, v + 4) for v in start])
            if best is None or found.fun < best.fun:
                best = found
        assert best is not None
        return np.asarray(best.x, dtype=np.float64)

    def _badness(self, theta: Array) -> float:
        """Return the negative log posterior of the scales, up to a constant."""
        factor = np.linalg.cholesky(self._covariance(theta))
        half = np.linalg.solve(factor, self._targets)
        misfit = [(t - np.log(middle)) / width for t, (middle, width) in zip(theta, self._priors, strict=True)]
        penalty = np.square(misfit).sum()
        return float(0.5 * half @ half + np.log(np.diag(factor)).sum() + 0.5 * penalty)

    def _covariance(self, theta: Array) -> Array:
        *lengths, signal, group, noise = np.exp(theta)
        covariance = self._kernel(self._inputs, self._inputs, np.array(lengths), signal)
        if self._same_group is not None:
            covariance = covariance + group**2 * self._same_group
        return covariance + (noise**2 + 1e-8) * np.eye(len(self._inputs))

    def _theta(self, scales: Scales) -> Array:
        parts = [scales.signal, scales.group, scales.noise]
        return np.log([*scales.lengths, *(max(part / self._unit, 1e-9) for part in parts)])

    @staticmethod
    def _kernel(one: Array, other: Array, lengths: Array, signal: float) -> Array:
        difference = (one[:, None] - other[None]) / lengths
        distance = np.sqrt(5 * (difference**2).sum(-1))
        return np.asarray(signal**2 * (1 + distance + distance**2 / 3) * np.exp(-distance))


def _solved(factor: Array, targets: Array) -> Array:
    return np.asarray(np.linalg.solve(factor.T, np.linalg.solve(factor, targets)))
