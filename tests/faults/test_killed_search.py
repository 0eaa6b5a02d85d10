"""A search that is killed or stopped at any moment, and resumed."""

import os
import random
import signal
import time

import pytest
from programs import Home, kill, wait_until

from bench.record.folder import SearchFolder

N_KILLS = int(os.environ.get("CELLBENCH_FAULT_KILLS", "3"))
"""How often the whole search is killed in the long test; docs/faults.md reports a larger number."""

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_killed_at_random_moments_it_reaches_the_numbers_of_an_undisturbed_search(home, options, check_whole):
    """tests/faults/test_damaged_state.py kills one search once."""
    chance = random.Random(0)
    searches, kills, finished = 0, 0, {}
    while kills < N_KILLS:
        searches += 1
        name, begun = f"killed-{searches}", False
        while True:
            process = home.start(*(["--resume", name] if begun else [*options, "--name", name]))
            killed = kills < N_KILLS and not _ends_within(process, chance.uniform(3, 30))
            if killed:
                kill(process)
                kills += 1
                # A worker that was just starting looks for its dead node for a while.
                assert wait_until(lambda: home.processes() == [], 180), [p.cmdline() for p in home.processes()]
            else:
                output, errors = process.communicate(timeout=600)
                assert process.returncode == 0, output + errors
            begun = (home.search(name) / "request.yaml").exists()
            for result in home.search(name).glob("trials/*/result.json"):
                assert finished.setdefault(result, result.stat().st_mtime_ns) == result.stat().st_mtime_ns, (
                    "no trial is trained twice"
                )
            if not killed:
                break
        check_whole(name)


def _ends_within(process, seconds):
    try:
        process.wait(seconds)
    except Exception:
        return False
    return True


@pytest.mark.parametrize(
    "how",
    [pytest.param(how, marks=pytest.mark.long) for how in ("SIGTERM to all", "Ctrl-C", "bench.stop")],
)
def test_stopped_by_a_signal_it_says_how_to_resume_and_leaves_no_process(home, options, how, check_whole):
    name = "stopped-by-" + how.replace(" ", "-")
    process = home.start(*options, "--name", name)
    assert wait_until(lambda: home.n_epochs(name) >= 4)
    if how == "Ctrl-C":
        process.send_signal(signal.SIGINT)
    elif how == "SIGTERM to all":
        os.killpg(process.pid, signal.SIGTERM)  # as `timeout` and batch systems send it, to Ray's processes too
    else:
        output, _ = home.run(name, program="status")
        assert f"running, process {process.pid} on " in output
        assert "trying configurations" in output
        output, _ = home.run(name, program="stop")
        assert f"Resume with: python -m bench.search --resume {name}" in output
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 130, output + errors
    assert f"Resume with: python -m bench.search --resume {name}" in errors
    assert "Traceback" not in errors
    assert "RUNNING" not in {run.info.status for _, run in home.runs(name)}
    assert wait_until(lambda: home.processes() == [], 60)
    output, _ = home.run(name, program="status")
    assert f"stopped; continue with python -m bench.search --resume {name}" in output
    home.run("--resume", name)
    check_whole(name)
    output, _ = home.run(name, program="stop")
    assert "is not running" in output


@pytest.mark.long
def test_a_request_to_stop_while_it_starts_takes_effect_once_it_has_started(home, options, check_whole):
    name = "stopped-at-once"
    process = home.start(*options, "--name", name)
    assert wait_until(lambda: (home.search(name) / "request.yaml").exists())
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    resumed = home.start("--resume", name)
    assert wait_until(lambda: SearchFolder(home.search(name)).is_locked)
    output, _ = home.run(name, program="stop")
    assert f"Resume with: python -m bench.search --resume {name}" in output
    output, errors = resumed.communicate(timeout=600)
    assert resumed.returncode == 130, output + errors
    assert f"Resume with: python -m bench.search --resume {name}" in errors
    home.run("--resume", name)
    check_whole(name)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "after_s", [0, pytest.param(1, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)]
)
def test_stopped_while_ray_starts_it_says_that_nothing_was_written(tmp_path, discs, options, number, after_s):
    home = Home(tmp_path, discs)
    process = home.start(*options, "--name", "hardly-begun")
    assert wait_until(lambda: (home.search("hardly-begun") / ".lock").exists())
    time.sleep(after_s)
    process.send_signal(number)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 130, errors
    assert "Stopped before anything was written." in errors
    assert not home.search("hardly-begun").exists()
    assert wait_until(lambda: home.processes() == [], 60)


@pytest.mark.long
def test_a_worker_that_is_killed_costs_a_few_epochs(home, options, check_whole):
    name = "worker-killed"
    process = home.start(*options, "--name", name)
    assert wait_until(lambda: home.n_epochs(name) >= 4)
    workers = [p for p in home.processes() if "Trainable" in " ".join(p.cmdline())]
    assert workers
    for worker in workers:
        worker.kill()
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, output + errors
    check_whole(name)


@pytest.mark.long
def test_two_searches_at_once_share_machine_and_store_but_not_a_name(home, options, check_whole):
    first = home.start(*options, "--name", "first")
    second = home.start(*options, "--name", "second")
    assert wait_until(lambda: (home.search("first") / "request.yaml").exists())
    _, errors = home.run(*options, "--name", "first", expect=2)
    assert "The search first already exists; continue it with --resume first" in errors
    _, errors = home.run("--resume", "first", expect=2)
    assert "Another process works on the search first: process" in errors
    for process in (first, second):
        output, errors = process.communicate(timeout=600)
        assert process.returncode == 0, output + errors
    check_whole("first")
    check_whole("second")


@pytest.mark.long
def test_of_two_searches_with_one_name_started_at_the_same_moment_one_runs(home, options, check_whole):
    twins = [home.start(*options, "--name", "twin") for _ in range(2)]
    ends = [(process.communicate(timeout=600), process.returncode) for process in twins]
    assert sorted(code for _, code in ends) == [0, 2], ends
    refusal = next(errors for (_, errors), code in ends if code == 2)
    assert "Another process works on the search twin: process" in refusal or "There is a search twin already" in refusal
    check_whole("twin")
