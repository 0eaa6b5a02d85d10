"""Searches a suppression method and its hyperparameters on a data set.

    python -m bench.search --method mask_fixed
    python -m bench.search --method mask_fixed --dataset pbc --set r_max=30..120
    python -m bench.search --method all --trials 1 --epochs 1
    python -m bench.search --resume marrow-mini-mask_fixed-20261123-221845

Every trial is kept in MLflow and under CELLBENCH_HOME/searches.
"""

import shlex
import sys
from pathlib import Path
from typing import Any

import typer

from bench.planning import options
from bench.terminal.console import INTERRUPTED, error_console, say, user_errors
from bench.terminal.formatting import counted
from cellbench.errors import SettingError, StoreError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@user_errors
def search(
    more_methods: options.MoreMethods = None,
    method: options.Method = None,
    dataset: options.Dataset = None,
    set_: options.Set = None,
    space: options.Space = None,
    sampler: options.Sampler = None,
    warm_start: options.WarmStart = None,
    scheduler: options.Scheduler = None,
    objective: options.Objective = None,
    seed: options.Seed = None,
    name: options.Name = None,
    resume: options.Resume = None,
    profile: options.Profile = None,
    trials: options.Trials = None,
    epochs: options.Epochs = None,
    folds: options.Folds = None,
    finalists: options.Finalists = None,
    seeds: options.Seeds = None,
    time_budget: options.TimeBudget = None,
    stop_early: options.StopEarly = None,
    screen_size: options.ScreenSize = None,
    screen_pool: options.ScreenPool = None,
    share_trials: options.ShareTrials = None,
    trial_timeout: options.TrialTimeout = None,
    checkpoint_every: options.CheckpointEvery = None,
    oracle: options.Oracle = None,
    size: options.Size = None,
    encoder: options.Encoder = None,
    encoder_weights: options.EncoderWeights = None,
    batch_size: options.BatchSize = None,
    schedule: options.Schedule = None,
    kl_warmup: options.KlWarmup = None,
    grad_clip: options.GradClip = None,
    stain_jitter: options.StainJitter = None,
    views: options.Views = None,
    precision: options.Precision = None,
    compile_: options.Compile = None,
    concurrent: options.Concurrent = None,
    cpus_per_trial: options.CpusPerTrial = None,
    gpus_per_trial: options.GpusPerTrial = None,
    address: options.Address = None,
) -> None:
    """Search a suppression method and its hyperparameters on a data set.

    Tries configurations on one fold of the pool, trains the best on further folds, the winner anew from fresh seeds,
    compares it with floors that need no training, and looks at the holdout once.
    """
    given = {key: value for key, value in locals().items() if value is not None}
    ended = _resume(resume, given) if resume is not None else _begin(given)
    raise SystemExit(ended)


def _begin(given: dict[str, Any]) -> int:
    from bench.planning.arguments import SearchArguments
    from bench.planning.request import make_request

    methods = [*given.pop("method", []), *given.pop("more_methods", [])]
    if not methods:
        raise SettingError("Name a method, for example --method mask_fixed, or --method all.")
    settings = {name: given.pop(name) for name in TRAINING_OPTIONS if name in given}
    if "compile_" in given:
        settings["compile"] = given.pop("compile_")
    given["set"] = given.pop("set_", [])
    for option in ("sampler", "scheduler"):
        if option in given:
            given[option] = given[option].value
    asked = SearchArguments(
        command=_command(),
        methods=methods,
        dataset=given.pop("dataset", "marrow-mini"),
        training=settings,
        **given,
    )
    request, folder = make_request(asked)
    return _run(request, folder)


def _resume(name: str, given: dict[str, Any]) -> int:
    from bench.planning.arguments import read_resources
    from bench.record.folder import SearchFolder
    from bench.record.request import Request
    from bench.record.summary import Summary
    from bench.reporting.verdict import print_verdict
    from bench.terminal.parsing import seconds

    allowed = {"resume", "concurrent", "gpus_per_trial", "address", "time_budget", "trial_timeout", "checkpoint_every"}
    other = next((key for key in given if key not in allowed), None)
    if other is not None:
        option = other.strip("_").replace("_", "-")
        raise SettingError(f"--resume takes --{option} from the search itself; leave it away.")
    folder = SearchFolder.open(name)
    request = Request.read(folder)
    found = Summary.read(folder)
    if found is not None and folder.is_recorded:
        say(f"The search {name} has ended.")
        print_verdict(request, found)
        return 0
    resources = read_resources(given.get("concurrent", "auto"), "auto", given.get("gpus_per_trial", "auto"))
    changes: dict[str, Any] = {}
    if "concurrent" in given:
        changes["concurrent"] = resources[0]
    if "gpus_per_trial" in given:
        changes["gpus_per_trial"] = resources[2]
    if "address" in given:
        changes["address"] = given["address"]
    times = {"time_budget": "time_budget_s", "trial_timeout": "trial_timeout_s", "checkpoint_every": "checkpoint_s"}
    for option, field in times.items():
        if option in given:
            changes[field] = seconds(given[option], f"--{option.replace('_', '-')}")
    return _run(request.model_copy(update=changes), folder)


def _run(request: Any, folder: Any) -> int:
    from bench.pipeline.run import run_search
    from bench.reporting.verdict import print_verdict

    settings = request.settings
    say(
        f"[bold]{request.name}[/]  {', '.join(request.methods)} on {request.dataset}: {settings.encoder} at "
        f"{settings.network_size} px, {counted(settings.epochs, 'epoch')}"
    )
    if request.is_screened:
        say(
            f"Configurations are tried at {request.size_at('search')} px on {request.pool_share_at('search'):.0%} of "
            "the patches, finalists trained in full."
        )
    for method, names in request.warm_start.items():
        say(f"{method} begins with: {', '.join(names) or 'nothing known yet'}")
    try:
        summary = run_search(request, folder)
    except KeyboardInterrupt:
        way_on = f"Go on with: python -m bench.search --resume {request.name}"
        text = f"Stopped. {way_on}" if folder.request_path.exists() else "Stopped before anything was written."
        error_console().print(text, style="yellow", soft_wrap=True)
        return INTERRUPTED
    except StoreError:
        if folder.request_path.exists():
            error_console().print(
                f"Once that is mended, go on with: python -m bench.search --resume {request.name}",
                style="yellow",
                soft_wrap=True,
            )
        raise
    print_verdict(request, summary)
    return 0


def _command() -> str:
    words = sys.argv[1:]
    if Path(sys.argv[0]).stem == "cellbench":
        return shlex.join(["cellbench", *words])
    return shlex.join(["python", "-m", "bench.search", *words])


TRAINING_OPTIONS = (
    "encoder",
    "encoder_weights",
    "batch_size",
    "schedule",
    "kl_warmup",
    "grad_clip",
    "stain_jitter",
    "views",
    "precision",
)

if __name__ == "__main__":
    app()
