"""The progress of a search on the terminal: a live table, or two lines per stage if the output is not a terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.record.trial import TrialRecord
from bench.space.formatting import params_in_words
from bench.space.objectives import Objective
from bench.terminal.console import console, say
from bench.terminal.formatting import counted, duration
from cellbench.errors import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

STAGES = {
    "search": "trying configurations",
    "folds": "finalists on further folds",
    "protocol": "every configuration on every fold",
    "final": "winner on fresh seeds",
    "oracle": "ceiling",
}


class ProgressView:
    """Shows the progress of a search.

    Args:
        name: Name of the search.
        objective: Objective whose best value is shown.
        um_per_px: µm per native px of the data set; None if unknown.
    """

    def __init__(self, name: str, objective: Objective, um_per_px: float | None) -> None:
        self._name, self._objective, self._um_per_px = name, objective, um_per_px
        self._live: Live | None = None
        self._start("", 0, 1)

    @contextmanager
    def stage(self, stage: str, n_trials: int, epochs: int) -> Iterator[None]:
        """Show a stage while the block runs.

        Args:
            stage: Name of the stage.
            n_trials: Trials that the stage still has to run.
            epochs: Epochs of a full training.
        """
        self._start(stage, n_trials, epochs)
        if not console().is_terminal:
            say(f"{STAGES[stage]}: {counted(n_trials, 'training')} of {counted(epochs, 'epoch')}")
            yield
        else:
            from rich.live import Live

            with Live(get_renderable=self._table, console=console(), refresh_per_second=2, transient=True) as live:
                self._live = live
                try:
                    yield
                finally:
                    self._live = None
        say(self._line())

    def trial_started(self, record: TrialRecord) -> None:
        """Called when a trial starts or resumes."""
        self._running[record.key] = record
        self._epoch_of[record.key] = record.epoch

    def epoch(self, record: TrialRecord) -> None:
        """Called after every epoch of a trial."""
        self._done_epochs += max(0, record.epoch - self._epoch_of.get(record.key, 0))
        self._epoch_of[record.key] = record.epoch

    def moved(self, record: TrialRecord) -> None:
        """Called when a trial has resumed on another machine."""
        before, now = record.nodes[-2:]
        say(f"  training {record.number + 1} resumes at {now} with epoch {record.epoch}; it was at {before}")

    def remark(self, record: TrialRecord, text: str) -> None:
        """Called when a trial that resumes has a message for the user."""
        say(f"  training {record.number + 1} resumes with epoch {record.epoch}: {text}")

    def trial_ended(self, record: TrialRecord) -> None:
        """Called when a trial has ended."""
        self._running.pop(record.key, None)
        before = self._best()
        self._ended.append(record)
        best = self._best()
        if best is not None and best is not before and not console().is_terminal:
            value = best.metrics[self._objective.final]
            passed = duration(time.monotonic() - self._began)
            say(f"  best after {passed}: {self._objective.description} {value:.3f}, {self._what(best)}")
        self._skipped_epochs += max(0, record.epochs - record.epoch)

    def stopping(self) -> None:
        """Called after Ctrl-C."""
        self._stopping = True

    def _start(self, stage: str, n_trials: int, epochs: int) -> None:
        self._stage, self._n_trials, self._epochs = stage, n_trials, epochs
        self._began = time.monotonic()
        self._running: dict[str, TrialRecord] = {}
        self._epoch_of: dict[str, int] = {}
        self._ended: list[TrialRecord] = []
        self._done_epochs = self._skipped_epochs = 0
        self._stopping = False

    def _count(self, outcome: str) -> int:
        return sum(record.outcome == outcome for record in self._ended)

    def _best(self) -> TrialRecord | None:
        """Return the best completed trial; None in stages that only repeat a chosen configuration."""
        if self._stage in ("final", "oracle"):
            return None
        final = self._objective.final
        scored = [r for r in self._ended if r.outcome == "completed" and final in r.metrics]
        return max(scored, key=lambda record: self._objective.sign * record.metrics[final], default=None)

    def _seconds_left(self) -> float | None:
        if self._done_epochs == 0:
            return None
        left = self._n_trials * self._epochs - self._done_epochs - self._skipped_epochs
        return (time.monotonic() - self._began) * max(0, left) / self._done_epochs

    def _line(self) -> str:
        parts = [f"{self._count('completed')} done"]
        parts += [f"{self._count(kind)} {kind}" for kind in ("pruned", "failed") if self._count(kind)]
        text = f"  {', '.join(parts)} in {duration(time.monotonic() - self._began)}"
        best = self._best()
        if best is None:
            return text
        value = best.metrics[self._objective.final]
        return f"{text}; best {self._objective.description} {value:.3f}: {self._what(best)}"

    def _what(self, record: TrialRecord) -> str:
        shown = {name: value for name, value in record.params.items() if name != "latent_dim"}
        return f"{record.method} {params_in_words(record.method, shown, self._um_per_px)}"

    def _table(self) -> "RenderableType":
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        left = self._seconds_left()
        head = Text.assemble(
            (f"{printable(self._name)}  ", "bold"),
            f"{STAGES.get(self._stage, self._stage)}: {len(self._ended)} of {self._n_trials} trainings",
            f"  {len(self._running)} running  {self._count('pruned')} pruned  {self._count('failed')} failed",
            f"  {duration(time.monotonic() - self._began)} elapsed",
            "" if left is None else f", about {duration(left)} left in this stage",
        )
        lines: list[RenderableType] = [head]
        best = self._best()
        if best is not None:
            value = best.metrics[self._objective.final]
            what = printable(self._what(best))
            lines.append(Text(f"best {self._objective.description} {value:.3f}: {what}", style="green"))
        if self._stopping:
            lines.append(Text("stopping; running trials can be resumed from their checkpoints", style="yellow"))
        table = Table(box=None, pad_edge=False)
        for name in ("trial", "epoch", "loss", "F1 at rung", "patches/s", "configuration"):
            table.add_column(name, no_wrap=name != "configuration", justify="left")
        for record in self._running.values():
            metrics = record.metrics
            table.add_row(
                str(record.number + 1),
                f"{record.epoch}/{record.epochs}",
                *(
                    f"{metrics[name]:{form}}" if metrics.get(name) else "–"
                    for name, form in (("train/loss", ".4f"), ("rung/f1_macro", ".3f"), ("speed/patches_per_s", ".0f"))
                ),
                self._what(record),
            )
        return Group(*lines, table)
