"""Cost of a trial in the driver by number of trials. Their results exist already, so nothing is trained."""

import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.home.datasets import open_dataset
from bench.home.resources import Machine, Plan
from bench.planning.arguments import SearchArguments
from bench.planning.request import make_request
from bench.record.folder import SearchFolder
from bench.record.jobs import Jobs
from bench.reporting.progress import ProgressView
from bench.tracking.tracker import Tracker
from bench.tuning.cluster import cluster
from bench.tuning.config import TrialSettings
from bench.tuning.run import StageContext, run_stage
from bench.tuning.searchers import JobSearcher
from cellbench.trials.files import write_result

N_EPOCHS = 10


@pytest.mark.parametrize("n_trials", [10, 100, 1000])
def test_driver_with_trials_that_train_nothing(benchmark: Any, home: Path, n_trials: int) -> None:
    asked = SearchArguments("perf", ["mask_fixed"], "noise", name="perf", epochs=1, training={"encoder": "test_resnet"})
    request, folder = make_request(asked)
    folder.directory.mkdir(parents=True)
    request.write(folder)
    jobs = _finished_jobs(request, folder, n_trials)
    process = psutil.Process()
    with cluster(None, Machine(2, 0)):
        tracker = Tracker(request, open_dataset("noise").card, "cpu")
        bench = StageContext(folder, tracker, ProgressView("perf", request.primary_objective, None), Plan(2, 1, 0.0))
        terms = TrialSettings(objective="f1", gpus=0.0, timeout_s=600, checkpoint_s=30)
        run_stage(bench, "oracle", JobSearcher(jobs[:2], terms), 2)  # starts the workers and loads the libraries
        before, cpu, start = process.memory_info().rss, sum(process.cpu_times()[:2]), time.perf_counter()
        stage = JobSearcher(jobs[2:], terms)
        benchmark.pedantic(run_stage, args=(bench, "final", stage, n_trials), rounds=1)
        info = benchmark.extra_info
        info["seconds per trial"] = round((time.perf_counter() - start) / n_trials, 3)
        info["CPU seconds of the driver per trial"] = round((sum(process.cpu_times()[:2]) - cpu) / n_trials, 3)
        info["memory of the driver, kB per trial"] = round((process.memory_info().rss - before) / 1e3 / n_trials)
        info["disk, kB per trial"] = round(
            sum(p.stat().st_size for p in home.rglob("*") if p.is_file()) / 1e3 / n_trials
        )
        start = time.perf_counter()
        assert len(folder.records()) == n_trials + 2
        info["ms to read a trial's record"] = round(1e3 * (time.perf_counter() - start) / n_trials, 2)


def _finished_jobs(request: Any, folder: SearchFolder, n_trials: int) -> list[Any]:
    """Return jobs whose folders contain their results."""
    makes = Jobs(request, folder)
    configuration = request.spaces[0].configuration(request.spaces[0].complete({}))
    jobs = []
    for seed in range(n_trials + 2):
        first = makes.final([configuration])[0]
        job = first.model_copy(update={"seed": 10_000 + seed, "stage": "oracle" if seed < 2 else "final"})
        job = job.model_copy(update={"directory": first.directory.parent / job.key})
        job.directory.mkdir(parents=True)
        write_result(job.directory, job, {"probe/f1_macro": 0.5, "train/loss": 0.1, "rung/f1_macro": 0.5})
        jobs.append(job)
    return jobs
