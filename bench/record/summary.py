"""How a search ended: one row for each method, floor and ceiling, and what can honestly be said of the winner."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from bench.record.folder import SearchFolder
from bench.record.radius_range import RadiusRange
from cellbench.disk import write_text
from cellbench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("val/ssim_cell", "val/l1_cell", "val/l1_core", "latent/leakage", "latent/cell_content")
"""Scores of a method that need unseen patches, so they come from its trainings on folds."""


class Row(BaseModel):
    """One line of the table.

    Attributes:
        kind: `method`, `floor` or `ceiling`.
        name: Its name.
        configuration: Short hash of the configuration; empty for a floor.
        params: Its hyperparameters, lengths in native px.
        f1_macro: Macro F1 on the labelled patches, cross-validated; for what is trained, the mean over fresh seeds.
        f1_std: Its standard deviation over seeds; for PCA over folds.
        n_seeds: Number of trainings in that mean.
        scores: Those of `SHOWN`: means over folds.
        holdout: Macro F1 on the holdout; only the winner, floors and the ceiling are looked at.
        holdout_low: Lower end of its 95 % bootstrap interval over groups.
        holdout_high: Upper end.
        n_trials: Trials of the search stage, and of these
        n_completed: completed,
        n_pruned: stopped early,
        n_failed: failed.
        seconds: Time of all its trainings, added up.
        patches: Patches that all its trainings have seen.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["method", "floor", "ceiling"]
    name: str
    configuration: str = ""
    params: dict[str, bool | int | float | str] = {}
    f1_macro: float
    f1_std: float | None
    n_seeds: int = 1
    scores: dict[str, float] = {}
    holdout: float | None = None
    holdout_low: float | None = None
    holdout_high: float | None = None
    n_trials: int = 0
    n_completed: int = 0
    n_pruned: int = 0
    n_failed: int = 0
    seconds: float = 0.0
    patches: float = 0.0


class Member(BaseModel):
    """A fully trained configuration of the search stage.

    Attributes:
        method: Name of the method.
        configuration: Short hash of the configuration.
        params: Its hyperparameters, lengths in native px.
        values: Each objective on fold 0, by its name.
        on_front: Whether no other is at least as good in all objectives and better in one.
    """

    model_config = ConfigDict(extra="forbid")

    method: str
    configuration: str
    params: dict[str, bool | int | float | str]
    values: dict[str, float]
    on_front: bool


class Summary(BaseModel):
    """How a search ended.

    Attributes:
        search: Its name.
        dataset: Name of the data set.
        winner: Name of the winning method.
        rows: Methods, the best first, then floors, then the ceiling.
        importances: For each method, how importances were found and their values.
        n_holdout: Patches of the holdout.
        look: Which look at the holdout this was.
        notes: What a reader of the figures must know.
        final: Means over the winner's fresh seeds of all its final metrics.
        seconds: How long the search took, this time.
        front: Of several objectives, the fully trained configurations of the search stage, the front's first.
        n_spared: Trainings on further folds that racing left out.
        response: The objective over the winner's radius; None where the winner has none that was searched.
    """

    model_config = ConfigDict(extra="forbid")

    search: str
    dataset: str
    winner: str
    rows: list[Row]
    importances: dict[str, dict[str, Any]]
    n_holdout: int
    look: int
    notes: list[str]
    final: dict[str, float]
    seconds: float
    front: list[Member] = []
    n_spared: int = 0
    response: RadiusRange | None = None

    @property
    def best(self) -> Row:
        """The winner's row."""
        return next(row for row in self.rows if row.kind == "method" and row.name == self.winner)

    @property
    def best_floor(self) -> Row:
        """The highest floor's row."""
        return max(self._floors, key=lambda row: row.f1_macro)

    @property
    def _floors(self) -> list[Row]:
        return [row for row in self.rows if row.kind == "floor"]

    @property
    def beats_floors(self) -> bool:
        """Whether training was worth it at all."""
        return self.best.f1_macro > self.best_floor.f1_macro

    def write(self, folder: SearchFolder) -> None:
        """Write `summary.json`, whole or not at all: with it, the search counts as finished."""
        write_text(folder.summary_path, self.model_dump_json(indent=1))

    @classmethod
    def read(cls, folder: SearchFolder) -> "Summary | None":
        """Read `summary.json`; None where the search has not ended.

        Raises:
            DataError: It is damaged.
        """
        try:
            return cls.model_validate_json(folder.summary_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:  # no JSON, no UTF-8, not the fields
            raise DataError(
                f"{folder.summary_path} is damaged; remove it, and --resume {folder.name} writes it anew."
            ) from error

    @property
    def doubt(self) -> str:
        """Why the winner may not lie above every floor; empty where nothing speaks against it."""
        best = self.best
        if best.f1_std is None:
            return "from one seed, no more than a hint"
        for floor in sorted(self._floors, key=lambda row: -row.f1_macro):
            margin, std = best.f1_macro - floor.f1_macro, floor.f1_std or 0.0
            of_seeds = std if floor.n_seeds > 1 else 0.0
            noise = (best.f1_std**2 / best.n_seeds + of_seeds**2 / floor.n_seeds) ** 0.5
            lead = "this" if floor == self.best_floor else f"its lead over {floor.name} ({floor.f1_macro:.3f})"
            if margin < 2 * noise:
                return f"{lead} is within the noise of {best.n_seeds} seeds"
            if floor.n_seeds == 1 and margin < std:
                return f"{lead} is less than that floor's spread over folds ({std:.3f})"
        return ""

    @property
    def is_clear(self) -> bool:
        """Whether the winner lies above every floor by more than the noise."""
        return self.beats_floors and not self.doubt

    def verdict(self) -> str:
        """Return one honest sentence about the winner and the floors."""
        best, floor = self.best, self.best_floor
        if not self.beats_floors:
            return (
                f"No winner: the floor {floor.name} reaches {floor.f1_macro:.3f} without any training, "
                f"{best.name} {best.f1_macro:.3f}."
            )
        margin = best.f1_macro - floor.f1_macro
        text = f"{best.name} lies {margin:.3f} above the best floor, {floor.name} ({floor.f1_macro:.3f})"
        return "; ".join(filter(None, [text, self.doubt])) + "."

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the search's MLflow run: the winner's, and the holdout."""
        best = self.best
        found = {**self.final, **best.scores, **(self.response.metrics() if self.response else {})}
        named = {"f1_macro": best.holdout, "f1_low": best.holdout_low, "f1_high": best.holdout_high}
        return found | {f"holdout/{name}": value for name, value in named.items() if value is not None}

    def tags(self) -> dict[str, str]:
        """Return tags of the search's MLflow run."""
        radii = [] if self.response is None else [self.response.sentence(None)]
        return {
            "cellbench.outcome": "completed",
            "cellbench.configuration": self.best.configuration,
            "cellbench.winner": self.winner if self.beats_floors else "none",
            "cellbench.lead": "clear" if self.is_clear else "unclear" if self.beats_floors else "none",
            "mlflow.note.content": " ".join([self.verdict(), *radii, *self.notes]),
        }

    def frame(self) -> "pd.DataFrame":
        """Return the table, one row a method, floor or ceiling."""
        import pandas as pd

        flat = []
        for row in self.rows:
            entry = row.model_dump(exclude={"params", "scores"})
            entry |= {name: row.scores.get(name) for name in SHOWN}
            entry |= {f"params/{name}": value for name, value in row.params.items()}
            flat.append(entry)
        return pd.DataFrame(flat)
