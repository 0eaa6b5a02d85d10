"""Which radii do as well as the best: part of a search's summary."""

from pydantic import BaseModel, ConfigDict

from bench.space.objectives import OBJECTIVES
from bench.terminal.formatting import length_in_words, lengths_in_words, rounded


class Point(BaseModel):
    """A completed training: radius in native px, objective, stage, fold (None: whole pool) and seed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    radius: float
    value: float
    stage: str
    fold: int | None
    seed: int
    configuration: str


class RadiusRange(BaseModel):
    """The objective over the radius of one method, its other hyperparameters held at the winner's.

    Attributes:
        method: Name of the method.
        parameter: Name of the radius.
        objective: Name of the objective.
        winner: Short hash of the winning configuration.
        points: All completed trainings of the method that have the objective.
        radii: Radii of the curve, native px, log-spaced within those tried; empty where there is no curve.
        mean: The objective there.
        low: Lower end of its 95 % interval, the noise of a training left out,
        high: upper end.
        noise: Standard deviation of the objective over trainings that differ in nothing but chance.
        best: Radius where the curve is highest (for an error, lowest).
        will_do: First and last radius of each stretch that will do.
        reason: Why there is no curve; empty where there is one.
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
    will_do: list[tuple[float, float]] = []
    reason: str = ""

    def sentence(self, um_per_px: float | None) -> str:
        """Return in one line which radii will do.

        Args:
            um_per_px: µm per native px, if known.
        """
        if self.best is None or self.noise is None:
            return f"Which {self.parameter} will do: {self.reason}."
        stretches = " or ".join(lengths_in_words(low, high, um_per_px) for low, high in self.will_do)
        best = length_in_words(rounded(self.best), um_per_px)
        what = OBJECTIVES.get(self.objective).description
        whole = len(self.will_do) == 1 and self.will_do[0] == (self.radii[0], self.radii[-1])
        everything = ", which is all that was tried" if whole else ""
        return (
            f"Any {self.parameter} from {stretches} will do{everything}: {what} there is within {self.noise:.3f}, the "
            f"noise of one training, of the best, at {best} ({len(self.points)} trainings)."
        )

    def metrics(self) -> dict[str, float]:
        """Return what MLflow shows: the best radius, the noise, and the ends of what will do around the best."""
        if self.best is None or self.noise is None:
            return {}
        low, high = next(ends for ends in self.will_do if ends[0] <= self.best <= ends[1])
        return {
            f"response/{self.parameter}_best": self.best,
            f"response/{self.parameter}_low": low,
            f"response/{self.parameter}_high": high,
            "response/noise": self.noise,
        }
