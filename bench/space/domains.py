"""Where a hyperparameter may lie: a range, a few choices, or one value."""

import re
from typing import Annotated, Any, Self

import optuna
from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from bench.terminal.formatting import rounded

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


def as_scalar(value: Any) -> Any:
    """Turn a text that is a number into that number, and integers into floats; anything else stays as it is.

    YAML 1.1 reads `1e-3` as a text, where its author meant a number.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


Scalar = Annotated[bool | float | str, BeforeValidator(as_scalar)]
Point = dict[str, Scalar]


class Range(BaseModel):
    """Numbers between two ends, both included."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    low: float = Field(description="smallest value")
    high: float = Field(description="largest value")
    log: bool = Field(False, description="whether ratios count, not differences")
    default: float = Field(description="value of a point that does not name this parameter")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"a log scale starts above 0, got low {self.low:g}")
        if not self.low <= self.default <= self.high:
            raise ValueError(f"default {self.default:g} is outside {self.low:g} to {self.high:g}")
        return self

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """The values that decide whether all others are allowed."""
        return self.low, self.high

    def holds(self, value: Scalar) -> bool:
        """Whether a value lies in the range."""
        return isinstance(value, float) and self.low <= value <= self.high

    def scaled(self, factor: float) -> "Range":
        """Return the range in another unit."""
        low, high, default = (rounded(value * factor) for value in (self.low, self.high, self.default))
        return Range(low=low, high=high, log=self.log, default=default)


class Choice(BaseModel):
    """One of a few values; the first is the default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    choices: tuple[Scalar, ...] = Field(min_length=2, description="values, the default first")

    @property
    def default(self) -> Scalar:
        """Value of a point that does not name this parameter."""
        return self.choices[0]

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """The values that decide whether all others are allowed."""
        return self.choices

    def holds(self, value: Scalar) -> bool:
        """Whether a value is one of the choices."""
        return any(type(value) is type(choice) and value == choice for choice in self.choices)

    def scaled(self, factor: float) -> "Choice":
        """Return the choices in another unit."""
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
        """The values that decide whether all others are allowed."""
        return (self.value,)

    def holds(self, value: Scalar) -> bool:
        """Whether a value is this one."""
        return type(value) is type(self.value) and value == self.value

    def scaled(self, factor: float) -> "Constant":
        """Return the value in another unit."""
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
    """Return a number times a factor; texts and flags stay as they are."""
    return rounded(value * factor) if isinstance(value, float) else value


def distribution_of(domain: Range | Choice) -> optuna.distributions.BaseDistribution:
    """Return a domain as Optuna knows it."""
    if isinstance(domain, Range):
        return optuna.distributions.FloatDistribution(domain.low, domain.high, log=domain.log)
    return optuna.distributions.CategoricalDistribution(domain.choices)
