"""The domain of a hyperparameter: a range, a few choices, or one value."""

import math
import re
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from bench.terminal.formatting import rounded

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


def as_scalar(value: Any) -> Any:
    """Return strings that are numbers, and integers, as floats; return other values unchanged.

    YAML 1.1 reads `1e-3` as a string, although its author meant a number.

    Raises:
        ValueError: The number is infinite, not a number, or beyond the largest float.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number and not (isinstance(value, str) and _NUMBER.fullmatch(value)):
        return value
    try:
        found = float(value)
    except OverflowError:  # an integer of more than 308 digits
        found = math.inf
    if not math.isfinite(found):
        raise ValueError("must be a finite number, at most 1e308")
    return found


Scalar = Annotated[bool | float | str, BeforeValidator(as_scalar)]
Point = dict[str, Scalar]


class Range(BaseModel):
    """Numbers between two ends, which are included."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    low: float = Field(description="smallest value")
    high: float = Field(description="largest value")
    log: bool = Field(False, description="whether the scale is logarithmic")
    default: float = Field(description="value in a point without this parameter")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low must be above 0 on a log scale, got {self.low:g}")
        if not self.low <= self.default <= self.high:
            raise ValueError(f"default {self.default:g} is outside {self.low:g} to {self.high:g}")
        return self

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """The values to check: a method that accepts them accepts the whole domain."""
        return self.low, self.high

    def holds(self, value: Scalar) -> bool:
        """Return whether a value is in the range."""
        return isinstance(value, float) and self.low <= value <= self.high

    def scaled(self, factor: float) -> "Range":
        """Return the range with its numbers multiplied by a factor."""
        low, high, default = (rounded(value * factor) for value in (self.low, self.high, self.default))
        return Range(low=low, high=high, log=self.log, default=default)


class Choice(BaseModel):
    """One of a few values; the first is the default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    choices: tuple[Scalar, ...] = Field(min_length=2, description="values, the default first")

    @property
    def default(self) -> Scalar:
        """Value in a point without this parameter."""
        return self.choices[0]

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """The values to check: a method that accepts them accepts the whole domain."""
        return self.choices

    def holds(self, value: Scalar) -> bool:
        """Return whether a value is one of the choices."""
        return any(type(value) is type(choice) and value == choice for choice in self.choices)

    def scaled(self, factor: float) -> "Choice":
        """Return the choices with their numbers multiplied by a factor."""
        return Choice(choices=tuple(times(value, factor) for value in self.choices))


class Constant(BaseModel):
    """A hyperparameter that is not searched."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    value: Scalar

    @property
    def default(self) -> Scalar:
        """The value."""
        return self.value

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """The values to check: a method that accepts them accepts the whole domain."""
        return (self.value,)

    def holds(self, value: Scalar) -> bool:
        """Return whether a value equals the constant."""
        return type(value) is type(self.value) and value == self.value

    def scaled(self, factor: float) -> "Constant":
        """Return the value, if it is a number multiplied by a factor."""
        return Constant(value=times(self.value, factor))


def _kind(data: Any) -> str:
    if isinstance(data, BaseModel):
        return type(data).__name__
    if isinstance(data, dict):
        return "Choice" if "choices" in data else "Constant" if "value" in data else "Range"
    return "Constant"


Domain = Annotated[
    Annotated[Range, Tag("Range")] | Annotated[Choice, Tag("Choice")] | Annotated[Constant, Tag("Constant")],
    Discriminator(_kind),
    BeforeValidator(lambda data: data if isinstance(data, dict | BaseModel) else {"value": data}),
]
"""`{low, high, log, default}`, `{choices: [...]}`, or a plain value."""


def times(value: Scalar, factor: float) -> Scalar:
    """Return a number times a factor; return strings and booleans unchanged."""
    return rounded(value * factor) if isinstance(value, float) else value


def distribution_of(domain: Range | Choice) -> "BaseDistribution":
    """Return the Optuna distribution of a domain."""
    import optuna

    if isinstance(domain, Range):
        return optuna.distributions.FloatDistribution(domain.low, domain.high, log=domain.log)
    return optuna.distributions.CategoricalDistribution(domain.choices)
