"""The summary of a search: one row for each method, floor and ceiling, and the verdict on the winner."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from bench.record.folder import SearchFolder
from bench.record.noise import half_width
from bench.record.radius_range import RadiusRange
from bench.terminal.formatting import share_in_words
from cellbench.disk import write_text
from cellbench.errors import DataError
from cellbench.input_files import read_text

if TYPE_CHECKING:
    import pandas as pd


class Row(BaseModel):
    """One row of the table.

    Attributes:
        kind: `method`, `floor` or `ceiling`.
        name: Its name.
        configuration: Short hash of the configuration; empty for a floor.
        params: Its hyperparameters, lengths in native px.
        f1_macro: Cross-validated macro F1 on the labelled patches; of trained encoders, the mean over fresh seeds.
        f1_std: Its standard deviation over seeds, for PCA over folds; None where there is one seed.
        n_seeds: Number of trainings in that mean.
        few_labels: Macro F1 by the number of labels a class, means over draws and seeds; empty in summaries of older
            versions, and for a ceiling that was trained on labels.
        scores: Scores of unseen patches, by the name of the metric: means over trainings on folds.
        share: Share of the way from the strongest floor to the ceiling; None where there is no ceiling, or where the
            floor reaches it.
        lead: Of a ceiling, its macro F1 minus that of the strongest floor on the same patches; None in summaries of
            older versions.
        lead_low: Lower end of the lead's 95 % interval over groups; None where there is no interval.
        lead_high: Upper end of that interval.
        lead_interval: The interval in words, or why there is none.
        holdout: Macro F1 on the holdout; None except for the winner, the floors and the ceiling.
        holdout_low: Lower end of its 95 % interval over groups; None where there is no interval.
        holdout_high: Upper end of that interval.
        holdout_interval: The interval in words, or why there is none. Older versions wrote the ends of a percentile
            bootstrap and no words.
        n_trials: Trials of the search stage.
        n_completed: Those that were completed.
        n_pruned: Those that were stopped early.
        n_failed: Those that failed.
        seconds: Total time of its trainings in s.
        patches: Total number of patches that its trainings have seen.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["method", "floor", "ceiling"]
    name: str
    configuration: str = ""
    params: dict[str, bool | int | float | str] = {}
    f1_macro: float
    f1_std: float | None
    n_seeds: int = 1
    few_labels: dict[int, float] = {}
    scores: dict[str, float] = {}
    share: float | None = None
    lead: float | None = None
    lead_low: float | None = None
    lead_high: float | None = None
    lead_interval: str = ""
    holdout: float | None = None
    holdout_low: float | None = None
    holdout_high: float | None = None
    holdout_interval: str = ""
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
        values: Value of each objective on fold 0, by the name of the objective.
        on_front: Whether it is on the Pareto front: no other one is at least as good in all objectives and better in
            one.
    """

    model_config = ConfigDict(extra="forbid")

    method: str
    configuration: str
    params: dict[str, bool | int | float | str]
    values: dict[str, float]
    on_front: bool


class Summary(BaseModel):
    """The outcome of a search.

    Attributes:
        search: Name of the search.
        dataset: Name of the data set.
        winner: Name of the winning method.
        rows: Methods, the winner first, then floors, then the ceiling.
        importances: Importances of each method's hyperparameters: `how` they were computed, and their `values`.
        n_holdout: Number of patches in the holdout.
        look: Number of this look at the holdout, 1 for the first.
        notes: Limits of the numbers, for people.
        final: Means over the winner's fresh seeds, by the name of the metric.
        seconds: Time of the last run of the search in s.
        front: With several objectives, the fully trained configurations of the search stage, the Pareto front first.
        n_spared: Trainings on further folds that racing left out.
        response: The objective over the winner's radius; None where no radius of the winner was searched.
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
        """The row of the strongest floor: the one with the highest macro F1 of all floors of the registry."""
        return max(self._floors, key=lambda row: row.f1_macro)

    @property
    def ceiling(self) -> Row | None:
        """The row of the ceiling that shares are taken of: the oracle, else the supervised one; None without both."""
        return next((row for row in self.rows if row.kind == "ceiling"), None)

    @property
    def _floors(self) -> list[Row]:
        return [row for row in self.rows if row.kind == "floor"]

    @property
    def beats_floors(self) -> bool:
        """Whether the winner scores higher than every floor."""
        return self.best.f1_macro > self.best_floor.f1_macro

    def write(self, folder: SearchFolder) -> None:
        """Write `summary.json` atomically; a search with a summary counts as finished."""
        write_text(folder.summary_path, self.model_dump_json(indent=1))

    @classmethod
    def read(cls, folder: SearchFolder) -> "Summary | None":
        """Return the summary of a search, from `summary.json`; None where the search has not ended.

        Raises:
            DataError: The file is damaged.
        """
        try:
            found = cls.model_validate_json(read_text(folder.summary_path))
            names = {(row.kind, row.name) for row in found.rows}
            if ("method", found.winner) not in names or "floor" not in {kind for kind, _ in names}:
                raise ValueError("The rows lack the winner or the floors.")
            return found
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:  # not JSON, not UTF-8, or other fields
            raise DataError(
                f"{folder.summary_path} is damaged; remove it, and --resume {folder.name} writes it again."
            ) from error

    @property
    def doubt(self) -> str:
        """Why the winner may not be better than every floor; empty where it clearly is."""
        best = self.best
        if best.f1_std is None:
            return "one seed is not enough to be sure"
        for floor in sorted(self._floors, key=lambda row: -row.f1_macro):
            margin, std = best.f1_macro - floor.f1_macro, floor.f1_std or 0.0
            of_seeds = std if floor.n_seeds > 1 else 0.0
            noise = half_width(best.f1_std**2 / best.n_seeds, best.n_seeds, of_seeds**2 / floor.n_seeds, floor.n_seeds)
            lead = "this lead" if floor == self.best_floor else f"its lead over {floor.name} ({floor.f1_macro:.3f})"
            if margin < noise:
                return f"{lead} is within the noise of {best.n_seeds} seeds"
            if floor.n_seeds == 1 and margin < std:
                return f"{lead} is smaller than that floor's standard deviation over folds ({std:.3f})"
        return ""

    @property
    def is_clear(self) -> bool:
        """Whether the winner is better than every floor by more than the noise."""
        return self.beats_floors and not self.doubt

    def verdict(self) -> str:
        """Return one sentence that compares the winner with the floors."""
        best, floor = self.best, self.best_floor
        if not self.beats_floors:
            return (
                f"No winner: the strongest floor, {floor.name}, reaches {floor.f1_macro:.3f} without training, "
                f"{best.name} reaches {best.f1_macro:.3f}."
            )
        margin = best.f1_macro - floor.f1_macro
        text = f"{best.name} is {margin:.3f} above the strongest floor, {floor.name} ({floor.f1_macro:.3f})"
        return "; ".join(filter(None, [text, self.doubt])) + "."

    def advice(self) -> str:
        """Return, where a floor wins, the sentence that says which classifier serves the user; else an empty text."""
        if self.beats_floors:
            return ""
        command = f"python -m bench.classify --search {self.search} --representation {self.best_floor.name}"
        return f"The floor serves you better than {self.best.name}: {command}"

    def way(self) -> str:
        """Return one sentence on how far the winner goes from the strongest floor to the ceiling.

        It is empty without a ceiling, and for the summary of an older version, which has no lead.
        """
        best, floor, ceiling = self.best, self.best_floor, self.ceiling
        if ceiling is None or ceiling.lead is None:
            return ""
        side = "below" if ceiling.lead < 0 else "above"
        lead = f"{ceiling.name} is {abs(ceiling.lead):.3f} {side} {floor.name} ({ceiling.lead_interval})"
        if best.share is None:
            return f"No share of the way: the floor reaches the ceiling at this size; {lead}."
        return (
            f"{best.name} goes {share_in_words(best.share)} of the way from the strongest floor to the ceiling; {lead}."
        )

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the search's MLflow run: those of the winner, of floor and ceiling, and of the holdout.

        Raises:
            NotFoundError: The table of metrics does not have one of them.
        """
        from cellbench.scores.metrics import check_known  # imports torch, which lists of searches do not need

        best = self.best
        found = {**self.final, **best.scores, **(self.response.metrics() if self.response else {})}
        named = {"f1_macro": best.holdout, "f1_low": best.holdout_low, "f1_high": best.holdout_high}
        found |= {f"holdout/{name}": value for name, value in named.items() if value is not None}
        found["floor/f1_macro"] = self.best_floor.f1_macro
        if (top := self.ceiling) is not None:
            named = {"f1_macro": top.f1_macro, "lead": top.lead, "lead_low": top.lead_low, "lead_high": top.lead_high}
            named["share"] = best.share
            found |= {f"ceiling/{name}": value for name, value in named.items() if value is not None}
        check_known(found)
        return found

    def tags(self) -> dict[str, str]:
        """Return the tags of the search's MLflow run."""
        radii = [] if self.response is None else [self.response.sentence(None)]
        return {
            "cellbench.outcome": "completed",
            "cellbench.configuration": self.best.configuration,
            "cellbench.winner": self.winner if self.beats_floors else "none",
            "cellbench.floor": self.best_floor.name,
            "cellbench.lead": "clear" if self.is_clear else "unclear" if self.beats_floors else "none",
            "mlflow.note.content": " ".join(
                filter(None, [self.verdict(), self.advice(), self.way(), *radii, *self.notes])
            ),
        }

    def frame(self) -> "pd.DataFrame":
        """Return the table: one row for each method, floor and ceiling."""
        import pandas as pd

        from cellbench.scores.metrics import all_metrics

        names = [metric.name for metric in all_metrics() if metric.mean_over == "folds"]
        flat = []
        for row in self.rows:
            entry = row.model_dump(exclude={"params", "scores", "few_labels"})
            entry |= {f"f1_macro_{n}": f1 for n, f1 in row.few_labels.items()}
            entry |= {name: row.scores.get(name) for name in names}
            entry |= {f"params/{name}": value for name, value in row.params.items()}
            flat.append(entry)
        return pd.DataFrame(flat)
