"""From what was typed to a whole request: every default is filled in, every mistake is found before anything runs."""

import re
import time
from collections.abc import Sequence

import numpy as np
from pydantic import ValidationError

from bench.home.datasets import open_dataset
from bench.home.paths import cache_dir, searches_dir
from bench.home.resources import Plan, plan, this_machine
from bench.planning.arguments import SearchArguments, check_options, read_resources, settings_from
from bench.record.folder import SearchFolder, search_names
from bench.record.profiles import Profile, n_epochs, network_size, profile
from bench.record.request import CHECKPOINT_S, TRIAL_TIMEOUT_S, Request
from bench.space.estimates import with_estimates
from bench.space.objectives import OBJECTIVES, parse_objectives
from bench.space.overrides import override
from bench.space.reader import load_space
from bench.space.samplers import SAMPLERS, Sampler
from bench.space.space import PAPER_METHODS, Space, check_values
from bench.terminal.parsing import seconds, whole
from bench.tuning.cluster import connect
from cellbench.disk import check_free_space
from cellbench.errors import SettingError
from cellbench.patches import PatchSet, pool_folds, probe_folds
from cellbench.training.configuration import TrainingSettings

ENCODER_BYTES = 60 * 2**20
"""A ResNet-18 auto-encoder, about; a checkpoint holds it three times."""


def make_request(asked: SearchArguments) -> tuple[Request, SearchFolder]:
    """Return the whole request and the folder it will go to; nothing is written but a built-in data set.

    Raises:
        CellbenchError: Something that was typed cannot be; the message says what, and the way out.
    """
    check_options(asked)
    sampler = SAMPLERS.get(asked.sampler)
    budget = None if asked.time_budget is None else seconds(asked.time_budget, "--time-budget")
    timeout = TRIAL_TIMEOUT_S if asked.trial_timeout is None else seconds(asked.trial_timeout, "--trial-timeout")
    due = CHECKPOINT_S if asked.checkpoint_every is None else seconds(asked.checkpoint_every, "--checkpoint-every")
    spaces = _spaces(asked)
    if asked.share_trials and len(spaces) == 1:
        raise SettingError("--share-trials divides trials among methods; name several, or leave it away.")
    resources = read_resources(asked.concurrent, asked.cpus_per_trial, asked.gpus_per_trial)
    if asked.name is not None:
        _check_name(asked.name)
    patch_set = open_dataset(asked.dataset)
    card = patch_set.card
    n_training = check_patch_set(patch_set)
    _check_objectives(asked.objective, patch_set, len(patch_set.rows("pool")) - n_training)
    native, _ = with_estimates(override([space.scaled(card.native_size) for space in spaces], asked.set), patch_set)
    machine = this_machine() if asked.address is None else connect(asked.address)
    defaults = profile(asked.profile, machine.gpus > 0)
    shares = plan(machine, *resources, defaults.max_concurrent)
    settings = settings_from(
        {
            "epochs": n_epochs(defaults, n_training) if asked.epochs is None else asked.epochs,
            "network_size": _size(asked.size, defaults, patch_set),
            "batch_size": defaults.batch_size,
            "threads": shares.cpus,
            **asked.training,
        }
    )
    n_tried = round(n_training * asked.screen_pool)
    if settings.batch_size > n_tried:
        raise SettingError(f"--batch-size {settings.batch_size}: a training has {n_tried} patches; choose fewer.")
    if asked.screen_size is not None and asked.screen_size >= settings.network_size:
        raise SettingError(
            f"--screen-size {asked.screen_size}: finalists are trained at {settings.network_size} px; choose less, or "
            "a larger --size."
        )
    native, warm = _warm(asked, native, patch_set, asked.screen_size or settings.network_size)
    for space in native:
        check_values(space, card.native_size, asked.screen_size or settings.network_size)
        if sampler.is_exhaustive and not space.grid_points():
            raise SettingError(f"--set leaves nothing of the grid of {space.method}; choose --sampler random or tpe.")
    _check_encoder(settings)
    name = asked.name or _new_name(card.name, spaces)
    n_trials = _first(asked.trials, _n_trials(sampler, native, defaults))
    values = {
        "name": name,
        "command": asked.command,
        "dataset": card.name,
        "dataset_path": patch_set.path,
        "fingerprint": card.fingerprint,
        "native_size": card.native_size,
        "um_per_px": card.um_per_px,
        "profile": defaults.name,
        "spaces": tuple(native),
        "sampler": asked.sampler,
        "warm_start": {method: sources[:n_trials] for method, sources in warm.items()},
        "scheduler": asked.scheduler or ("none" if sampler.is_exhaustive or "," in asked.objective else "asha"),
        "objective": asked.objective,
        "n_trials": n_trials,
        "n_finalists": _first(asked.finalists, defaults.n_finalists),
        "n_folds": _first(asked.folds, defaults.n_folds),
        "n_seeds": _first(asked.seeds, defaults.n_seeds),
        "reduction": defaults.reduction,
        "n_rungs": defaults.n_rungs,
        "seed": asked.seed,
        "time_budget_s": budget,
        "stop_early": asked.stop_early,
        "screen_size": asked.screen_size,
        "screen_pool": asked.screen_pool,
        "share_trials": asked.share_trials,
        "trial_timeout_s": timeout,
        "checkpoint_s": due,
        "oracle": asked.oracle and patch_set.masks is not None,
        "settings": settings,
        "concurrent": resources[0],
        "cpus_per_trial": shares.cpus,
        "gpus_per_trial": resources[2],
        "address": asked.address,
    }
    try:
        request = Request.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).removeprefix("n_").replace("_", "-")
        raise SettingError(f"--{option} {first['input']}: {first['msg'].lower()}.") from None
    _check_disk(request, patch_set, shares)
    return request, SearchFolder(searches_dir() / name)


def check_patch_set(patch_set: PatchSet) -> int:
    """Check that a data set can be searched on; return the patches of one training of the search stage.

    Raises:
        DataError: It has too few groups, or fewer than two classes to score.
    """
    folds = pool_folds(patch_set.groups(patch_set.rows("pool")))
    labelled = patch_set.rows("labelled")
    probe_folds(patch_set.labels(labelled), patch_set.groups(labelled))
    return len(folds[0][0])


def _spaces(asked: SearchArguments) -> list[Space]:
    names = [name for text in asked.methods for name in text.split(",") if name]
    if "all" in names:
        if len(names) > 1:
            raise SettingError("--method all names the paper's methods already; name others in a search of their own.")
        names = list(PAPER_METHODS)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingError(f"--method names {twice} twice; each method is compared once.")
    if asked.space is not None and len(names) > 1:
        raise SettingError("--space gives the space of one method; name one --method with it.")
    return [load_space(name, asked.space) for name in names]


def _warm(
    asked: SearchArguments, spaces: list[Space], patch_set: PatchSet, size: int
) -> tuple[list[Space], dict[str, list[str]]]:
    """Return the spaces with what is known and guessed as their first points, and whence each of these comes."""
    if not asked.warm_start:
        return spaces, {}
    from bench.planning.first_points import first_points
    from bench.planning.warm_start import with_warm_start

    guessed = first_points(spaces, patch_set, size)
    found = {space.method: with_warm_start(space, patch_set.card, guessed.get(space.method, {})) for space in spaces}
    return [space for space, _ in found.values()], {method: names for method, (_, names) in found.items()}


def _size(text: str, defaults: Profile, patch_set: PatchSet) -> int:
    card = patch_set.card
    size = whole("--size", text)
    if size == "auto":
        return network_size(defaults, card.native_size, card.cell_radius_px)
    if not 16 <= size <= card.native_size:
        raise SettingError(
            f"--size {size}: the patches of {card.name} have {card.native_size} px; choose 16 to {card.native_size}."
        )
    return size


def _n_trials(sampler: Sampler, spaces: Sequence[Space], defaults: Profile) -> int:
    """Return the trials per method: a grid is walked to its end."""
    return max(len(space.grid_points()) for space in spaces) if sampler.is_exhaustive else defaults.n_trials


def _first(asked: int | None, default: int) -> int:
    return default if asked is None else asked


def _check_objectives(text: str, patch_set: PatchSet, n_unseen: int) -> None:
    """Check that a data set has what the objectives need: a cell radius, and unseen patches in a fold."""
    has_radius, name = _has_radius(patch_set), patch_set.card.name
    others = " or ".join(
        record.name
        for record in OBJECTIVES.items()
        if (has_radius or not record.thing.needs_radius) and n_unseen >= record.thing.min_unseen
    )
    for objective in parse_objectives(text):
        if objective.needs_radius and not has_radius:
            raise SettingError(
                f"The objective {objective.name} is measured inside the cell, but the data set {name} knows no cell "
                f"radius; choose --objective {others}."
            )
        if n_unseen < objective.min_unseen:
            raise SettingError(
                f"The objective {objective.name} needs {objective.min_unseen} patches that a training does not see, "
                f"but a fold of {name} has {n_unseen}; choose --objective {others}."
            )


def _has_radius(patch_set: PatchSet) -> bool:
    return patch_set.masks is not None or bool(np.isfinite(patch_set.radius_px(patch_set.rows("pool"))).all())


def _check_encoder(settings: TrainingSettings) -> None:
    """Meet an unknown encoder or unfit weights before a trial does; the default is known, and timm slow to import."""
    if settings.encoder != "resnet18" or settings.encoder_weights is not None:
        from cellbench.models.encoder import Encoder

        Encoder(settings.encoder, settings.network_size, settings.encoder_weights)


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise SettingError(f"--name {name!r}: use letters, digits, '-', '_' and '.', and begin with a letter or digit.")
    if name in search_names():
        raise SettingError(
            f"There is a search {name} already; go on with it by --resume {name}, or choose another name."
        )


def _new_name(dataset: str, spaces: Sequence[Space]) -> str:
    what = spaces[0].method if len(spaces) == 1 else f"{len(spaces)}-methods"
    stem = name = f"{dataset}-{what}-{time.strftime('%Y%m%d-%H%M%S')}"
    number = 1
    while (searches_dir() / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name


def _check_disk(request: Request, patch_set: PatchSet, shares: Plan) -> None:
    n_methods = len(request.spaces)
    trials = n_methods * (request.n_trials + request.n_finalists * request.n_folds + request.n_seeds)
    embeddings = 4 * max(int(space.complete({})["latent_dim"]) for space in request.spaces) * len(patch_set)
    kept = 2 * trials * embeddings + 2 * n_methods * request.n_seeds * ENCODER_BYTES  # search folder and MLflow
    resized = 3 * len(patch_set) * request.settings.network_size**2
    check_free_space(searches_dir(), kept + 6 * shares.concurrent * ENCODER_BYTES)
    check_free_space(cache_dir(), resized)
