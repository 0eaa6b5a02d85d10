"""Hard limits of the numbers in a search space, and remarks on values that are allowed but unusual.

The limits refuse what no training can use, such as a negative beta or a radius that rounds to 0. What is sensible is
in the search space of each method.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bench.space.domains import Range
from bench.space.space import Space
from cellbench.errors import SettingError


@dataclass(frozen=True)
class Limits:
    """The values that a hyperparameter can have.

    Attributes:
        low: Smallest value.
        high: Largest value.
        or_zero: Whether 0 is a value too; it turns a term off. The method may still refuse it.
    """

    low: float
    high: float
    or_zero: bool = True

    def hold(self, value: float) -> bool:
        """Return whether a value is allowed."""
        return self.low <= value <= self.high or (self.or_zero and value == 0)

    def __str__(self) -> str:
        return f"{'0 or ' if self.or_zero else ''}{self.low:g} to {round(self.high, 1):g}"


LIMITS = {
    "lr": Limits(1e-9, 1.0, or_zero=False),  # Adam moves a weight by about lr, so a larger one diverges
    "beta": Limits(1e-12, 1e3),
    "latent_dim": Limits(1, 65_536, or_zero=False),
}
"""Limits of the hyperparameters that every method has."""
SHORTEST_PX = 0.01
"""Smallest length in native px. The largest is the distance from the centre to the corner of a patch."""
OTHERS = Limits(1e-9, 1e6)
"""Limits of all other numbers: weights, thresholds and standard deviations, which are not negative."""


def check_limits(spaces: Iterable[Space], native_size: int) -> None:
    """Check that every number of these spaces is within its limits.

    Args:
        spaces: Spaces whose lengths are in px of a patch of `native_size`.
        native_size: Side of a patch in px.

    Raises:
        SettingError: A number is out of its limits. The message has the method, the name and the limits.
    """
    for space in spaces:
        for name, domain in space.parameters.items():
            for value in domain.ends:
                if isinstance(value, float) and (fault := value_fault(space.method, name, value, native_size)):
                    raise SettingError(f"{space.method}: {fault}.")


def check_values(space: Space, native_size: int, network_size: int = 32) -> None:
    """Check that the method accepts the ends of every range and all choices.

    Args:
        space: A space in native px.
        native_size: Side in px of the data set's patches.
        network_size: Side in px that patches are trained at.

    Raises:
        SettingError: The method refuses a value. The message names the value and the reason.
    """
    from cellbench.suppression import build_suppression

    check_limits([space], native_size)
    for name, domain in space.parameters.items():
        for value in domain.ends:
            configuration = space.configuration({**space.complete({}), name: value})
            params = dict(configuration.params)
            build_suppression(space.method, params, native_size, network_size, configuration.latent_dim)


def value_fault(method: str, name: str, value: float, native_size: int) -> str | None:
    """Return what is wrong with the value of a hyperparameter, without a final period, or None.

    Args:
        method: Name of the suppression.
        name: Name of the hyperparameter.
        value: Its value; a length in px of a patch of `native_size`.
        native_size: Side of a patch in px.
    """
    from cellbench.suppression import SUPPRESSIONS
    from cellbench.suppression.base import unit_of

    limits, unit = LIMITS.get(name, OTHERS), ""
    field = SUPPRESSIONS.get(method).Params.model_fields.get(name)
    if field is not None:
        lower = [bound for rule in field.metadata for bound in (getattr(rule, "gt", None), getattr(rule, "ge", None))]
        if any(getattr(rule, "gt", None) == 0 for rule in field.metadata):
            limits = replace(limits, or_zero=False)
        if all(bound is None for bound in lower):  # a method of another package may have a parameter below 0
            return None if limits.hold(abs(value)) else f"{name} must be {limits}, or its negative; got {value:g}"
    if field is not None and unit_of(field) == "px":
        corner = native_size / 2**0.5
        if value > corner:
            return (
                f"{name}={value:g} px is outside a patch of {native_size} px, whose corners are {corner:.0f} px from "
                "its centre"
            )
        limits, unit = replace(limits, low=SHORTEST_PX, high=corner), " px"
    return None if limits.hold(value) else f"{name} must be {limits}{unit}; got {value:g}"


def unusual(before: Sequence[Space], after: Sequence[Space]) -> list[str]:
    """Return a sentence for each hyperparameter that --set has moved out of the range of its search space.

    Args:
        before: Spaces as in their files, lengths in native px.
        after: The same spaces with domains replaced.
    """
    found: dict[tuple[str, Range, str], list[str]] = {}
    for old, new in zip(before, after, strict=True):
        for name, usual in old.parameters.items():
            ends = new.parameters[name].ends
            outside = [value for value in ends if isinstance(value, float) and not usual.holds(value)]
            if isinstance(usual, Range) and outside:
                values = ", ".join(f"{value:g}" for value in outside)
                found.setdefault((name, usual, values), []).append(old.method)
    return [
        f"--set {name}: {values} is outside {usual.low:g} to {usual.high:g}, the usual range for {', '.join(methods)}."
        for (name, usual, values), methods in found.items()
    ]
