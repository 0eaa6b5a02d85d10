"""The acceptable radii of a search: part of `summary.json`."""

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from bench.space.objectives import OBJECTIVES
from bench.terminal.formatting import length_in_words, lengths_in_words, rounded


class Point(BaseModel):
    """A completed training.

    Attributes:
        radius: Radius in native px.
        value: The objective.
        stage: Stage of the search.
        fold: Fold that the training did not see; None if it saw the whole pool.
        seed: Seed of the training.
        configuration: Short hash of the configuration.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    radius: float
    value: float
    stage: str
    fold: int | None
    seed: int
    configuration: str


class RadiusRange(BaseModel):
    """The objective over the radius of one method, with its other hyperparameters at the winner's values.

    Attributes:
        method: Name of the method.
        parameter: Name of the radius.
        objective: Name of the objective.
        winner: Short hash of the winning configuration.
        points: All completed trainings of the method that have the objective.
        radii: Radii of the curve in native px, log-spaced between the smallest and the largest tried. Empty without a
            curve.
        mean: The objective at these radii.
        low: Below it are 2.5 % of the modelled curves, without the noise of a training. This holds as far as the model
            does; its coverage was not simulated.
        high: Above it are 2.5 % of them.
        noise: Standard deviation of the objective between trainings that differ only in their seed.
        best: Radius with the best objective, in native px.
        acceptable: First and last radius of each acceptable interval, in native px: there the objective is within the
            noise of the best. Older files call it `will_do`.
        reason: Why there is no curve; empty if there is one.
    """

    model_config = ConfigDict(extra="forbid")

    method: str
    parameter: str
    objective: str
    winner: str
    points: list[Point] = []
    radii: list[float] = []
    mean: list[float] = []
    low: list[float] = []
    high: list[float] = []
    noise: float | None = None
    best: float | None = None
    acceptable: list[tuple[float, float]] = Field([], validation_alias=AliasChoices("acceptable", "will_do"))
    reason: str = ""

    def sentence(self, um_per_px: float | None) -> str:
        """Return one line about the acceptable radii.

        Args:
            um_per_px: µm per native px; None if unknown.
        """
        if self.best is None or self.noise is None:
            return f"No range of {self.parameter}: {self.reason}."
        intervals = " or ".join(lengths_in_words(low, high, um_per_px) for low, high in self.acceptable)
        best = length_in_words(rounded(self.best), um_per_px)
        what = OBJECTIVES.get(self.objective).description
        whole = len(self.acceptable) == 1 and self.acceptable[0] == (self.radii[0], self.radii[-1])
        everything = ", the whole range that was tried" if whole else ""
        return (
            f"Any {self.parameter} from {intervals} is acceptable{everything}: {what} is at most {self.noise:.3f} "
            f"(the noise of one training) worse than at the best radius, {best} ({len(self.points)} trainings)."
        )

    def metrics(self) -> dict[str, float]:
        """Return the metrics for MLflow: the best radius, the noise, and the acceptable interval around the best."""
        if self.best is None or self.noise is None:
            return {}
        low, high = next(ends for ends in self.acceptable if ends[0] <= self.best <= ends[1])
        return {
            f"response/{self.parameter}_best": self.best,
            f"response/{self.parameter}_low": low,
            f"response/{self.parameter}_high": high,
            "response/noise": self.noise,
        }
