"""The outcome of a reproduction: every configuration on every fold, with floors, ceilings and comparisons."""

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from bench.record.folder import SearchFolder
from cellbench.disk import write_text
from cellbench.errors import DataError
from cellbench.input_files import read_text

if TYPE_CHECKING:
    import pandas as pd

    from bench.statistics.comparison.repeated_folds import Comparison, Estimate


class ComparedWith(BaseModel):
    """A configuration compared with a reference, paired by fold and seed.

    Attributes:
        reference: Name of the reference.
        difference: Mean macro F1 minus that of the reference.
        low: Lower end of its 95 % interval; None where there is none.
        high: Upper end of that interval.
        p: p-value of the corrected t-test after Holm's correction.
        equal: Posterior probability that the difference is within ± 0.01.
        verdict: `better`, `worse`, `practically equal`, `undecided` or `not tested`.
    """

    model_config = ConfigDict(extra="forbid")

    reference: str
    difference: float
    low: float | None
    high: float | None
    p: float | None
    equal: float | None
    verdict: str

    @classmethod
    def of(cls, reference: str, found: "Comparison") -> "ComparedWith":
        """Return the record of a comparison."""
        return cls(
            reference=reference,
            difference=found.mean,
            low=_known(found.low),
            high=_known(found.high),
            p=_known(found.p_holm),
            equal=_known(found.equal),
            verdict=found.verdict,
        )


class ReproducedRow(BaseModel):
    """One row of the table: a configuration, a floor or a ceiling.

    Attributes:
        kind: `method`, `floor` or `ceiling`.
        name: Its name, unique in the table.
        origin: Of a method, `paper`, `normalized`, `estimate` or `added`; empty for all others.
        method: Name of the suppression; empty for floors and ceilings.
        configuration: Short hash of the configuration; empty for floors and ceilings.
        params: Its hyperparameters, lengths in native px.
        f1_macro: Mean macro F1 on the labelled patches, over folds and seeds.
        f1_std: Its standard deviation over folds and seeds, of a floor over seeds; None where there is one score.
        f1_low: Lower end of the 95 % interval of the mean; None where there is none.
        f1_high: Upper end of that interval.
        f1_best: Macro F1 of the fold with the best reconstruction, first seed: the paper's first number.
        f1_worst: Macro F1 of the fold with the worst reconstruction, first seed: the paper's second number.
        n_completed: Completed trainings.
        n_failed: Failed trainings.
        few_labels: Macro F1 by the number of labels a class.
        scores: Further scores, means over folds and seeds, by the name of the metric.
        against: Comparisons, with `vae` and with the strongest floor.
        share: Share of the way from the strongest floor to the ceiling; None where the floor reaches it.
        lead_words: Of a ceiling, its lead over the strongest floor with the interval, in words.
        seconds: Total time of its trainings, s.
        patches: Patches that its trainings have seen.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["method", "floor", "ceiling"]
    name: str
    origin: str = ""
    method: str = ""
    configuration: str = ""
    params: dict[str, bool | int | float | str] = {}
    f1_macro: float
    f1_std: float | None
    f1_low: float | None = None
    f1_high: float | None = None
    f1_best: float | None = None
    f1_worst: float | None = None
    n_completed: int = 0
    n_failed: int = 0
    few_labels: dict[int, float] = {}
    scores: dict[str, float] = {}
    against: list[ComparedWith] = []
    share: float | None = None
    lead_words: str = ""
    seconds: float = 0.0
    patches: float = 0.0

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the mean macro F1; None where there is none."""
        return None if self.f1_low is None or self.f1_high is None else (self.f1_low, self.f1_high)

    @classmethod
    def estimated(cls, found: "Estimate") -> dict[str, float | None]:
        """Return the fields of a mean with its interval."""
        low, high = _known(found.low), _known(found.high)
        return {"f1_macro": found.mean, "f1_std": _known(found.std), "f1_low": low, "f1_high": high}


class Reproduction(BaseModel):
    """The outcome of a reproduction.

    Attributes:
        name: Name of the reproduction and of its folder.
        dataset: Name of the data set.
        rows: Configurations by falling macro F1, then floors, then ceilings.
        notes: Limits of the numbers, for people. The first says how far the best is ahead by luck.
        seconds: Time of the last run in s.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    dataset: str
    rows: list[ReproducedRow]
    notes: list[str]
    seconds: float

    @property
    def methods(self) -> list[ReproducedRow]:
        """The rows of the configurations."""
        return [row for row in self.rows if row.kind == "method"]

    @property
    def best_floor(self) -> ReproducedRow:
        """The row of the strongest floor."""
        return max((row for row in self.rows if row.kind == "floor"), key=lambda row: row.f1_macro)

    def write(self, folder: SearchFolder) -> None:
        """Write `reproduction.json` atomically; a reproduction with an outcome counts as finished."""
        write_text(folder.reproduction_path, self.model_dump_json(indent=1))

    @classmethod
    def read(cls, folder: SearchFolder) -> "Reproduction | None":
        """Return the outcome of a reproduction; None where it has not ended.

        Raises:
            DataError: The file is damaged.
        """
        try:
            found = cls.model_validate_json(read_text(folder.reproduction_path))
            if not {"method", "floor"} <= {row.kind for row in found.rows}:
                raise ValueError("The rows lack the methods or the floors.")
            return found
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            raise DataError(
                f"{folder.reproduction_path} is damaged; remove it, and python -m bench.reproduce --resume "
                f"{folder.name} writes it again."
            ) from error

    def sentences(self) -> list[str]:
        """Return which configuration is best, and how it compares with `vae` and with the strongest floor."""
        best = self.methods[0]
        ends = "" if best.interval is None else " (95 % interval {:.3f} to {:.3f})".format(*best.interval)
        first = f"Of {len(self.methods)} configurations, {best.name} has the highest mean macro F1, {best.f1_macro:.3f}"
        return [f"{first}{ends}.", *(_in_words(each) for each in best.against)]

    def verdict(self) -> str:
        """Return the sentences as one text."""
        return " ".join(self.sentences())

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the MLflow run of the reproduction: those of the best configuration, and the floor."""
        best = self.methods[0]
        return {"probe/f1_macro": best.f1_macro, **best.scores, "floor/f1_macro": self.best_floor.f1_macro}

    def tags(self) -> dict[str, str]:
        """Return the tags of the MLflow run of the reproduction."""
        return {
            "cellbench.outcome": "completed",
            "cellbench.configuration": self.methods[0].configuration,
            "cellbench.floor": self.best_floor.name,
            "mlflow.note.content": " ".join([self.verdict(), *self.notes]),
        }

    def frame(self) -> "pd.DataFrame":
        """Return the table: one row for each configuration, floor and ceiling."""
        import pandas as pd

        flat = []
        for row in self.rows:
            entry = row.model_dump(exclude={"params", "scores", "few_labels", "against"})
            entry |= {f"f1_macro_{n}": f1 for n, f1 in row.few_labels.items()}
            entry |= row.scores
            for number, each in enumerate(row.against):
                which = "vae" if number == 0 else "floor"
                entry |= {f"{which}/{name}": value for name, value in each.model_dump().items()}
            entry |= {f"params/{name}": value for name, value in row.params.items()}
            flat.append(entry)
        return pd.DataFrame(flat)


def _known(value: float) -> float | None:
    return None if value != value else value  # NaN differs from itself


def _in_words(found: ComparedWith) -> str:
    if found.low is None:
        return f"It is {found.difference:+.3f} from {found.reference}, not tested."
    return (
        f"Against {found.reference} it is {found.verdict}: {found.difference:+.3f} "
        f"(95 % interval {found.low:+.3f} to {found.high:+.3f})."
    )
