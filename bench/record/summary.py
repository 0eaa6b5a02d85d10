"""How a search ended: one row for each method, floor and ceiling, and what can honestly be said of the winner."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from bench.statistics.pareto_front import Member, members
from bench.statistics.importance import importances
from bench.record.folder import Ledger, TrialRecord
from bench.statistics.radius_range import Response, response
from bench.record.request import SEARCH_FOLD, Request
from bench.pipeline.summarise import SHOWN, Ending, Row, end_row, mean, method_row, records_of
from cellbench.disk import write_text
from cellbench.errors import DataError
from cellbench.patches.card import Card

if TYPE_CHECKING:
    import pandas as pd


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
    response: Response | None = None

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

    def write(self, ledger: Ledger) -> None:
        """Write `summary.json`, whole or not at all: with it, the search counts as finished."""
        write_text(ledger.summary_path, self.model_dump_json(indent=1))

    @classmethod
    def read(cls, ledger: Ledger) -> "Summary | None":
        """Read `summary.json`; None where the search has not ended.

        Raises:
            DataError: It is damaged.
        """
        try:
            return cls.model_validate_json(ledger.summary_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:  # no JSON, no UTF-8, not the fields
            raise DataError(
                f"{ledger.summary_path} is damaged; remove it, and --resume {ledger.name} writes it anew."
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


def summarise(request: Request, card: Card, records: Sequence[TrialRecord], ending: Ending) -> Summary:
    """Return how a search ended.

    Args:
        request: What was asked for.
        card: Card of the data set.
        records: All its trials.
        ending: What the stages found.
    """
    ends = {end.name: end for end in ending.ends}
    methods = [method_row(method, records, ending, ends.get(method)) for method in ending.winners]
    methods.sort(key=lambda row: (row.name != ending.method, -row.f1_macro))
    others = [end for end in ending.ends if end.name not in ending.winners]
    floors = [end_row(end, "floor", len(ending.fresh[ending.method])) for end in others if end.name != "oracle"]
    ceilings = [end_row(end, "ceiling", 1) for end in others if end.name == "oracle"]
    found = {space.method: importances(records_of(records, "search"), space, request.goal) for space in request.spaces}
    best = ending.winners[ending.method].configuration
    space = next(space for space in request.spaces if space.method == ending.method)
    done = [r for r in records if r.stage == "final" and r.configuration == best.id and r.outcome == "completed"]
    names = {name for record in done for name in record.metrics if name.startswith(("probe/", "cost/", "train/"))}
    holdout = ends[ending.method].holdout
    return Summary(
        search=request.name,
        dataset=request.dataset,
        winner=ending.method,
        rows=[*methods, *floors, *ceilings],
        importances={method: {"how": each.how, "values": each.values} for method, each in found.items()},
        n_holdout=0 if holdout is None else holdout.n_patches,
        look=ending.look,
        notes=[*_shared(request, records), *_screened(request, records), *_notes(card), *ending.notes],
        final={name: mean([r.metrics[name] for r in done if name in r.metrics]) for name in sorted(names)},
        seconds=ending.seconds,
        front=members(records_of(records, "search"), request.goals) if len(request.goals) > 1 else [],
        n_spared=ending.n_spared,
        response=response(records, space, request.goal, best.id, best.flat(), request.is_screened),
    )


def _shared(request: Request, records: Sequence[TrialRecord]) -> list[str]:
    if not request.share_trials:
        return []
    counts = Counter(record.method for record in records_of(records, "search"))
    shares = ", ".join(f"{method} {n}" for method, n in counts.most_common())
    return [f"The methods shared {counts.total()} trials ({shares}), so this does not compare them at equal budgets."]


def _screened(request: Request, records: Sequence[TrialRecord]) -> list[str]:
    """Return whether what was found at less was confirmed: both on the fold that configurations were tried on."""
    if not request.is_screened:
        return []
    goal, size = request.goal, request.settings.network_size
    tried, trained = (
        {
            r.configuration: goal.sign * r.metrics[goal.final]
            for r in records_of(records, stage)
            if r.fold == SEARCH_FOLD and r.outcome == "completed" and goal.final in r.metrics
        }
        for stage in ("search", "folds")
    )
    order = sorted(tried.keys() & trained.keys(), key=lambda each: -tried[each])
    share = f" on {request.screen_pool:.0%} of the patches" if request.screen_pool < 1 else ""
    what = f"Configurations were tried at {request.screen_size or size} px{share}, finalists at {size} px on all"
    if len(order) < 2:
        return [f"{what}; with one finalist nothing tells whether the order is the same there."]
    place = sorted(order, key=lambda each: -trained[each]).index(order[0]) + 1
    same = "is the best there too" if place == 1 else f"is number {place} of {len(order)} there"
    return [f"{what}: the best tried {same}, on the same fold."]


def _notes(card: Card) -> list[str]:
    notes = []
    if card.transductive:
        notes.append("Transductive: the labelled patches, without their labels, were part of the pool.")
    if not card.groups_known:
        notes.append("Groups are not known: each image counts as its own, so the figures are optimistic.")
    if card.unscored_classes:
        left_out = ", ".join(f"{name} ({count})" for name, count in card.unscored_classes.items())
        notes.append(f"Too rare to be scored: {left_out}.")
    return notes
