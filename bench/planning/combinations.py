"""Which options go together, and the sampler and the scheduler that follow from the others."""

from typing import Literal

from bench.planning.options import SearchOptions
from bench.record.profiles import profile
from bench.space.objectives import parse_objectives
from bench.space.samplers import SAMPLERS, Sampler
from cellbench.errors import SettingError


def chosen_sampler(options: SearchOptions) -> Sampler:
    """Return the typed sampler, or that of the profile.

    Raises:
        NotFoundError: The profile is unknown.
    """
    return SAMPLERS.get(options.sampler or profile(options.profile, has_gpu=False).sampler)


def check_combinations(options: SearchOptions) -> None:
    """Check that the objectives exist, and that no two options exclude each other.

    Raises:
        SettingError: Two options conflict.
        NotFoundError: An objective is unknown.
    """
    sampler = chosen_sampler(options)
    named = f"--sampler {sampler.name}{'' if options.sampler else f', the default of --profile {options.profile},'}"
    if sampler.is_exhaustive:
        for option, given in (("--warm-start", options.warm_start), ("--share-trials", options.share_trials)):
            if given:
                raise SettingError(f"{option} has no effect with {named} which tries only the grid.")
        if options.scheduler == "asha":
            raise SettingError(
                f"--scheduler asha stops trials early, but {named} trains every point of the grid to its end; leave "
                f"out --scheduler, or choose another --sampler."
            )
    if len(parse_objectives(options.objective)) > 1:
        if options.scheduler == "asha":
            raise SettingError("--scheduler asha compares trials by one number; with several objectives leave it out.")
        for option, given in (("--stop-early", options.stop_early), ("--share-trials", options.share_trials)):
            if given:
                raise SettingError(f"{option} needs a single objective; leave it out, or choose one --objective.")


def default_scheduler(options: SearchOptions) -> Literal["asha", "none"]:
    """Return the scheduler that is used where none is typed."""
    one_objective = len(parse_objectives(options.objective)) == 1
    return "asha" if one_objective and not chosen_sampler(options).is_exhaustive else "none"
