"""Measure what a trial costs beside its training: processor time of each part, in the order of a trial.

    OMP_NUM_THREADS=1 python -m bench.perf.scoring --profile quick

One epoch is trained on the built-in data set. Its time stands beside the parts, so that the cost of scoring can be
compared with the passes of a training.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from bench.home.datasets import open_dataset
from bench.home.paths import cache_dir
from bench.planning.training import chosen_size
from bench.record.profiles import PROFILES
from bench.terminal.console import say
from cellbench.scores.base import ScoreContext
from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.trials import run as trial_run
from cellbench.trials.files import save_reconstructed
from cellbench.trials.job import TrialJob

DATASET = "marrow-mini"
SEEN_RADII = 1.15
"""Radius of disc and mask as a multiple of the cell radius."""


class Clock:
    """Adds up the processor time of named parts. A part within a part is not counted twice."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner = 0.0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the time of the block under a name."""
        before, self._inner, start = self._inner, 0.0, time.process_time()
        try:
            yield
        finally:
            whole = time.process_time() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + whole - self._inner
            self._inner = before + whole

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that counts its time under a name."""

        def run(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return function(*args, **kwargs)

        return run


def scoring_parts(profile: str, stage: str) -> dict[str, float]:
    """Return the processor time in s of each part of a trial of one epoch.

    Args:
        profile: Name of the profile that gives network size, views and probe.
        stage: `search` or `final`.
    """
    chosen, patch_set = PROFILES[profile], open_dataset(DATASET)
    card = patch_set.card
    radius = SEEN_RADII * float(card.cell_radius_px or card.native_size / 3)
    job = TrialJob.model_validate(
        {
            "dataset": patch_set.path,
            "fingerprint": card.fingerprint,
            "cell_radius_px": card.cell_radius_px,
            "cache": cache_dir(),
            "directory": Path(tempfile.mkdtemp()),
            "configuration": Configuration(method="hide", params={"r_hide": radius, "r_max": radius}),
            "settings": TrainingSettings(
                epochs=1,
                network_size=chosen_size("auto", chosen, card),
                batch_size=chosen.batch_size,
                views=chosen.views,
                probe=chosen.probe,
                threads=1,
            ),
            "stage": stage,
            "fold": None if stage == "final" else 0,
            "keep_encoder": stage == "final",
        }
    )
    clock = Clock()
    with clock.part("open patches, build the network"):
        run = trial_run.TrialRun(job, torch.device("cpu"))
    run.trainer.run_epoch = clock.timed(f"train {run.trainer.n_patches} passes", run.trainer.run_epoch)  # type: ignore[method-assign]
    run._embed_for_later = clock.timed("embed the holdout", run._embed_for_later)  # type: ignore[method-assign]
    for score in run._scores:
        name = type(score).__name__
        score.compute = clock.timed(f"score {name}", score.compute)  # type: ignore[method-assign]
        score.draw = clock.timed("draw figures", score.draw)  # type: ignore[method-assign]
    represent = ScoreContext.represent
    with _replaced(ScoreContext, "represent", clock.timed("embed labelled patches", represent)):
        metrics = run.step()
    drawing = clock.timed("draw figures", save_reconstructed)
    with _replaced(trial_run, "save_reconstructed", drawing), clock.part("write files"):
        run.finish(metrics)
    return clock.seconds


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def main() -> None:
    """Print the parts as a table, the largest first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="quick", choices=PROFILES)
    parser.add_argument("--stage", default="search", choices=["search", "final"])
    options = parser.parse_args()
    found = scoring_parts(options.profile, options.stage)
    training = next(name for name in found if name.startswith("train "))
    for name in sorted(found, key=lambda each: -found[each]):
        say(f"{found[name]:6.1f} s  {name}")
    say(f"{sum(found.values()) - found[training]:6.1f} s  all but the training")


if __name__ == "__main__":
    main()
