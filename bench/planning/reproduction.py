"""Turns options into the request of a reproduction, and predicts what it costs."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.home.resources import Machine
from bench.planning.calibration import Speed
from bench.planning.disk import bytes_of_folder, check_disk
from bench.planning.options import SearchOptions
from bench.planning.reproduce_options import ReproduceOptions
from bench.planning.request import plan_search
from bench.record.folder import SearchFolder
from bench.record.request import Request
from bench.space.estimates import with_estimates
from bench.space.limits import check_values
from bench.space.protocol import ESTIMATED, added_entry, added_space, paper_entries
from bench.space.space import PAPER_METHODS
from cellbench.errors import SettingError

if TYPE_CHECKING:
    from cellbench.patches import PatchSet

FIXED = ("normalize=false", "crop_resize=false", "target=noisy")
"""Hyperparameters of suppressions whose defaults in a search are not those of the paper."""
OWN = ("dry_run", "patches_per_s", "also", "resume", "name", "folds")
"""Options that `bench.search` does not have, or that mean something else there."""


@dataclass(frozen=True)
class Cost:
    """What a reproduction is predicted to cost.

    Attributes:
        n_trainings: Number of trainings, ceilings included.
        n_patches: Patches that they see.
        at_once: Trainings at once.
        speed: Speed of one training, and the time of its scores.
        n_bytes: Space that its folder and MLflow need on disk.
    """

    n_trainings: int
    n_patches: int
    at_once: int
    speed: Speed
    n_bytes: int

    @property
    def seconds(self) -> float:
        """Time of the trainings and, where they are known, of their scores, s."""
        scores = self.n_trainings * (self.speed.scores_s or 0.0)
        return (self.n_patches / self.speed.patches_per_s + scores) / self.at_once


def make_reproduction(
    options: ReproduceOptions, find_machine: Callable[[], Machine], command: str
) -> tuple[Request, SearchFolder]:
    """Return the request and the folder that it will be written to. Nothing is written but a built-in data set.

    Args:
        options: The typed options.
        find_machine: Returns the CPUs and GPUs for the trials.
        command: The command that was typed, for the record.

    Raises:
        CellbenchError: An option is wrong, or does not suit the data set or the machine.
    """
    added = [(path, added_space(path)) for path in options.also]
    shared = {name: value for name, value in options if name not in OWN}
    methods = [*PAPER_METHODS, ESTIMATED]
    name = options.name
    if name is None:
        name = f"{options.dataset}-reproduction-{time.strftime('%Y%m%d-%H%M%S')}"
    as_search = SearchOptions.model_construct(  # the values are checked already
        **shared, method=methods, set=list(FIXED), sampler="grid", name=name, folds=options.folds
    )
    planned = plan_search(as_search, find_machine, command)
    request, patch_set = planned.request, planned.patch_set
    entries = paper_entries(request.spaces, patch_set.card.native_size)
    for path, space in added:
        [native], _ = with_estimates([space.scaled(patch_set.card.native_size)], patch_set)
        check_values(native, patch_set.card.native_size, request.settings.network_size)
        entries.append(added_entry(path.stem, native))
    known: dict[str, str] = {}
    for entry in entries:
        if (other := known.setdefault(entry.configuration.id, entry.name)) != entry.name:
            raise SettingError(f"{entry.name} and {other} are the same configuration; leave one of them out.")
        if sum(each.name == entry.name for each in entries) > 1:
            raise SettingError(f"Two configurations are called {entry.name}; rename the file.")
    request = request.model_copy(update={"protocol": tuple(entries), "sampler": "grid", "warm_start": {}})
    if not options.dry_run:
        check_disk(request, patch_set, planned.at_once)
    return request, planned.folder


def predicted_cost(request: Request, patch_set: "PatchSet", at_once: int, speed: Speed) -> Cost:
    """Return what a reproduction costs. Trainings at once are assumed not to slow each other down.

    Args:
        request: The reproduction.
        patch_set: Its data set.
        at_once: Trainings at once.
        speed: Speed of one training.
    """
    from cellbench.patches import pool_folds

    n_pool = len(patch_set.rows("pool"))
    n_fold = len(pool_folds(patch_set.groups(patch_set.rows("pool")))[0][0])
    n_folds = len(request.protocol) * request.n_folds * request.n_seeds
    n_supervised = {"none": 0, "fold": 1, "all": 5}[request.supervised]  # none for the holdout
    n_ceilings = int(request.oracle) + n_supervised
    n_patches = request.settings.epochs * (n_folds * n_fold + n_ceilings * n_pool)
    return Cost(n_folds + n_ceilings, n_patches, at_once, speed, bytes_of_folder(request, patch_set, at_once))
