"""Turns options into a request: every default is filled in, and every mistake is found before anything runs."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bench.home.datasets import open_dataset
from bench.home.paths import is_search_name, searches_dir
from bench.home.resources import Machine, plan
from bench.planning.combinations import check_combinations, chosen_sampler, default_scheduler
from bench.planning.disk import check_disk
from bench.planning.first_points import around_estimate
from bench.planning.options import SearchOptions
from bench.planning.training import check_networks, chosen_size, training_settings
from bench.record.folder import SearchFolder, search_names
from bench.record.profiles import Profile, n_epochs, profile
from bench.record.request import Request
from bench.space.estimates import with_estimates
from bench.space.limits import check_limits, check_values, unusual
from bench.space.objectives import OBJECTIVES, parse_objectives
from bench.space.overrides import override, with_paper_values
from bench.space.reader import load_space
from bench.space.samplers import Sampler
from bench.space.space import PAPER_METHODS, Space
from bench.terminal.console import note
from bench.terminal.formatting import counted
from cellbench.errors import SettingError
from cellbench.geometry import PAPER_SIZE
from cellbench.patches import PatchSet, pool_folds, probe_folds
from cellbench.scores.metrics import check_known
from cellbench.threads import use_threads
from cellbench.training.configuration import TrainingSettings


class PlannedSearch(NamedTuple):
    """The request of a search, the folder that it will be written to, its data set, and how many trainings run at once.

    It is made before the space on disk is checked.
    """

    request: Request
    folder: SearchFolder
    patch_set: PatchSet
    at_once: int


def make_request(
    options: SearchOptions, find_machine: Callable[[], Machine], command: str
) -> tuple[Request, SearchFolder]:
    """Return the request and the folder of a search that the disk has space for; see `plan_search`."""
    planned = plan_search(options, find_machine, command)
    check_disk(planned.request, planned.patch_set, planned.at_once)
    return planned.request, planned.folder


def plan_search(options: SearchOptions, find_machine: Callable[[], Machine], command: str) -> PlannedSearch:
    """Return the request of a search. Nothing is written but a built-in data set.

    Args:
        options: The typed options.
        find_machine: Returns the CPUs and GPUs for the trials. It is called once all that is quick has been checked.
        command: The command that was typed, for the record.

    Raises:
        CellbenchError: An option is wrong, or does not suit the data set or the machine.
    """
    check_combinations(options)
    sampler = chosen_sampler(options)
    spaces = _spaces(options)
    if options.share_trials and len(spaces) == 1:
        raise SettingError("--share-trials divides trials among methods; name several methods, or leave it out.")
    training_settings(options.training)
    if options.name is not None:
        _check_name(options.name)
    patch_set = open_dataset(options.dataset)
    card = patch_set.card
    n_training = check_patch_set(patch_set)
    _check_objectives(options, patch_set, len(patch_set.rows("pool")) - n_training)
    _check_batch(options.batch_size, round(n_training * options.screen_pool))
    scaled = [space.scaled(card.native_size) for space in spaces]
    fixes_paper_values = profile(options.profile, has_gpu=False).fixes_paper_values
    started = with_paper_values(scaled, options.set) if fixes_paper_values else scaled
    narrowed = override(started, options.set)
    check_limits(narrowed, card.native_size)
    machine = find_machine()
    defaults = profile(options.profile, machine.gpus > 0)
    shares = plan(machine, options.concurrent, options.cpus_per_trial, options.gpus_per_trial, defaults.max_concurrent)
    settings = training_settings(
        {
            "epochs": n_epochs(defaults, n_training),
            "network_size": chosen_size(options.size, defaults, card),
            "batch_size": defaults.batch_size,
            "threads": shares.cpus,
            "augment": defaults.augment,
            "views": defaults.views,
            "representation": defaults.representation,
            "probe": defaults.probe,
            **options.training,
        }
    )
    _check_fit(options, settings, n_training)
    check_networks(settings)
    use_threads(1)  # estimates are numbers of the request, so they must not depend on the machine
    native, _ = with_estimates(narrowed, patch_set)
    size = options.screen_size or settings.network_size
    for space in native:
        check_values(space, card.native_size, size)
    started_at: dict[str, list[str]] = {}
    if defaults.radius_factors is not None and not sampler.is_exhaustive:
        typed = {text.partition("=")[0].strip() for text in options.set}
        native, started_at = around_estimate(native, typed, patch_set, defaults.radius_factors)
    native, warm = _warm(options, native, patch_set, size, settings.probe)
    warm = warm or started_at
    for space in native:
        if sampler.is_exhaustive and not space.grid_points():
            raise SettingError(f"--set leaves no point of the grid of {space.method}; choose --sampler random or tpe.")
    name = options.name or _new_name(card.name, spaces)
    n_trials = options.trials or _n_trials(sampler, native, defaults)
    request = Request(
        name=name,
        command=command,
        dataset=card.name,
        dataset_path=patch_set.path,
        fingerprint=card.fingerprint,
        cell_radius_px=card.cell_radius_px,
        native_size=card.native_size,
        um_per_px=card.um_per_px,
        profile=defaults.name,
        spaces=tuple(native),
        sampler=sampler.name,
        warm_start={method: sources[:n_trials] for method, sources in warm.items()},
        scheduler=options.scheduler or default_scheduler(options),
        objective=options.objective,
        n_trials=n_trials,
        n_finalists=options.finalists or defaults.n_finalists,
        n_folds=options.folds or defaults.n_folds,
        n_seeds=options.seeds or defaults.n_seeds,
        reduction=defaults.reduction,
        n_rungs=defaults.n_rungs,
        seed=options.seed,
        time_budget_s=options.time_budget,
        stop_early=options.stop_early,
        screen_size=options.screen_size,
        screen_pool=options.screen_pool,
        share_trials=options.share_trials,
        trial_timeout_s=options.trial_timeout,
        checkpoint_s=options.checkpoint_every,
        oracle=(defaults.has_oracle if options.oracle is None else options.oracle) and patch_set.masks is not None,
        supervised=options.supervised,
        settings=settings,
        concurrent=options.concurrent,
        cpus_per_trial=shares.cpus,
        gpus_per_trial=options.gpus_per_trial,
        address=options.address,
    )
    n_each = request.n_trials * (len(native) if request.share_trials else 1)
    if options.finalists is not None and options.finalists > n_each:
        note(f"--finalists {options.finalists} is more than the {counted(n_each, 'trial')} that finalists come from.")
    for sentence in (*unusual(scaled, narrowed), *_not_as_in_the_paper(request, scaled, defaults)):
        note(sentence)
    return PlannedSearch(request, SearchFolder(searches_dir() / name), patch_set, shares.concurrent)


def _check_objectives(options: SearchOptions, patch_set: PatchSet, n_unseen: int) -> None:
    """Check that the data set has what the objectives need: a cell radius, and unseen patches in a fold."""
    has_radius, dataset = _has_radius(patch_set), patch_set.card.name
    others = " or ".join(
        record.name
        for record in OBJECTIVES.items()
        if (has_radius or not record.thing.needs_radius) and n_unseen >= record.thing.min_unseen
    )
    for objective in parse_objectives(options.objective):
        check_known((objective.rung, objective.final))
        if objective.needs_radius and not has_radius:
            raise SettingError(
                f"The objective {objective.name} is measured inside the cell, but the data set {dataset} has no cell "
                f"radius; choose --objective {others}."
            )
        if n_unseen < objective.min_unseen:
            raise SettingError(
                f"The objective {objective.name} needs {objective.min_unseen} patches that a training does not see, "
                f"but a fold of {dataset} has {n_unseen}; choose --objective {others}."
            )


def _check_fit(options: SearchOptions, settings: TrainingSettings, n_training: int) -> None:
    """Check the settings against the number of patches and the search stage."""
    _check_batch(settings.batch_size, round(n_training * options.screen_pool))
    if options.screen_size is not None and options.screen_size >= settings.network_size:
        raise SettingError(
            f"--screen-size must be below {settings.network_size} px, the size of the finalists; got "
            f"{options.screen_size}. Choose less, or a larger --size."
        )


def _check_batch(batch_size: int | None, n_patches: int) -> None:
    """Check that a batch is not larger than the patches of a training."""
    if batch_size is not None and batch_size > n_patches:
        raise SettingError(f"--batch-size must be at most {n_patches}, the patches of a training; got {batch_size}.")


def check_patch_set(patch_set: PatchSet) -> int:
    """Check that a data set can be searched on, and return the number of patches of a training of the search stage.

    Raises:
        DataError: The data set has too few groups, or fewer than two scored classes.
    """
    folds = pool_folds(patch_set.groups(patch_set.rows("pool")))
    labelled = patch_set.rows("labelled")
    probe_folds(patch_set.labels(labelled), patch_set.groups(labelled))
    return len(folds[0][0])


def _spaces(options: SearchOptions) -> list[Space]:
    names = options.methods
    if not all(names):
        typed = "an empty name" if len(names) > 1 else "no name"
        raise SettingError(f"--method has {typed}; name a method, for example --method mask_fixed, or --method all.")
    if not names:
        raise SettingError("Name a method, for example --method mask_fixed, or --method all.")
    if "all" in names:
        if len(names) > 1:
            raise SettingError("--method all already includes the methods of the paper; search others separately.")
        names = list(PAPER_METHODS)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingError(f"--method names {twice} twice; name each method once.")
    if options.space is not None and len(names) > 1:
        raise SettingError("--space is the space of a single method; name one --method with it.")
    return [load_space(name, options.space) for name in names]


def _warm(
    options: SearchOptions, spaces: list[Space], patch_set: PatchSet, size: int, probe: str
) -> tuple[list[Space], dict[str, list[str]]]:
    """Return the spaces with warm-start points prepended, and the source of each of these points by method."""
    if not options.warm_start:
        return spaces, {}
    from bench.planning.first_points import first_points
    from bench.planning.warm_start import with_warm_start

    guessed = first_points(spaces, patch_set, size, probe)
    found = {space.method: with_warm_start(space, patch_set.card, guessed.get(space.method, {})) for space in spaces}
    return [space for space, _ in found.values()], {method: names for method, (_, names) in found.items()}


def _n_trials(sampler: Sampler, spaces: Sequence[Space], defaults: Profile) -> int:
    """Return the default number of trials per method: that of the profile, or all points of a grid."""
    return max(len(space.grid_points()) for space in spaces) if sampler.is_exhaustive else defaults.n_trials


def _not_as_in_the_paper(request: Request, spaces: Sequence[Space], defaults: Profile) -> list[str]:
    """Return sentences on what a search with the profile of the paper cannot have from it."""
    if not defaults.fixes_paper_values:
        return []
    found = []
    if others := [space.method for space in spaces if not space.paper]:
        found.append(
            f"The paper has no values for {', '.join(others)}: all hyperparameters are those of the search space."
        )
    if request.settings.network_size != PAPER_SIZE:
        found.append(
            f"The network size is {request.settings.network_size} px, and {PAPER_SIZE} px in the paper; the patches of "
            f"{request.dataset} have {request.native_size} px."
        )
    return found


def _has_radius(patch_set: PatchSet) -> bool:
    return patch_set.masks is not None or bool(np.isfinite(patch_set.radius_px(patch_set.rows("pool"))).all())


def _check_name(name: str) -> None:
    if not is_search_name(name):
        raise SettingError(
            f"--name must be letters, digits, '-', '_' and '.', and start with a letter or digit; got {name!r}."
        )
    if name in search_names():
        raise SettingError(
            f"The search {name} already exists; continue it with --resume {name}, or choose another --name."
        )


def _new_name(dataset: str, spaces: Sequence[Space]) -> str:
    what = spaces[0].method if len(spaces) == 1 else f"{len(spaces)}-methods"
    stem = name = f"{dataset}-{what}-{time.strftime('%Y%m%d-%H%M%S')}"
    number = 1
    while (searches_dir() / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name
