"""The number of CPU threads: it is set everywhere, and the numbers of a trial do not depend on what runs beside it."""

import subprocess
import sys

import pytest
from programs import SMALL, Home

SHOW = """
from cellbench.threads import use_threads
use_threads(3)
import torch
from threadpoolctl import threadpool_info
print(torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info()))
"""


def test_all_libraries_compute_with_the_given_number_of_threads():
    shown = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True).stdout.split()
    assert len(shown) > 2, "torch, and the pools of numpy and scipy"
    assert set(shown) == {"3"}


@pytest.mark.long
def test_a_trial_has_the_same_numbers_alone_and_beside_another(discs, tmp_path):
    home = Home(tmp_path, discs)
    budget = ("--trials", "2", "--epochs", "2", "--folds", "1", "--finalists", "1", "--seeds", "1", "--no-oracle")
    for n in ("1", "2"):
        home.run(
            "vae", "--dataset", "discs", *SMALL, *budget, "--sampler", "random", "--scheduler", "none",
            "--concurrent", n, "--name", f"by-{n}", OMP_NUM_THREADS="",
        )  # fmt: skip
    assert home.metrics("by-1") == home.metrics("by-2")
