"""`--profile paper` is the paper's configuration, value by value."""

import numpy as np
import pandas as pd
import pytest
from programs import plan_search

from bench.space.space import PAPER_METHODS
from cellbench.errors import SettingError
from cellbench.patches.write import write_patch_set

MASKED = {"normalize": False, "shape": "sqrt", "beta": "elbo", "lr": 0.001, "latent_dim": 256.0}
CROPPED = {"crop_resize": False, "beta": "elbo", "lr": 0.001, "latent_dim": 256.0}
EXPECTED = {
    "vae": [{"beta": "elbo", "lr": 0.001, "latent_dim": 256.0}],
    "rae": [{"beta": 0.0, "lr": 0.001, "latent_dim": 1024.0}],
    "noise": [
        {"sigma": sigma, "target": "noisy", "beta": "elbo", "lr": 0.001, "latent_dim": 256.0}
        for sigma in (50.0, 100.0, 200.0)
    ],
    "mask_fixed": [{"r_max": radius, **MASKED} for radius in (50.0, 90.0, 126.0)],
    "mask_sampled": [{"r_mean": radius, "r_std": 20.0, **MASKED} for radius in (50.0, 90.0, 126.0)],
    "mask_learned": [{"penalty": penalty, **MASKED} for penalty in (0.1, 0.0)],
    "crop_small": [{"offset_sigma": sigma, **CROPPED} for sigma in (0.0, 5.0, 15.0)],
    "crop_medium": [{"offset_sigma": sigma, **CROPPED} for sigma in (0.0, 5.0, 15.0)],
}


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A home with a data set of 150 patches of 256 px, as large as those of the paper."""
    home = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 255, (150, 256, 256, 3), dtype=np.uint8)
    index = pd.DataFrame({"label": ["a", "b", "c"] * 50, "group": [f"g{n // 15}" for n in range(150)]})
    write_patch_set(home / "datasets" / "large", patches=patches, index=index, name="large")
    return home


def plan(home, monkeypatch, *methods, **typed):
    monkeypatch.setenv("CELLBENCH_HOME", str(home))
    return plan_search(*methods, dataset="large", profile="paper", **typed)[0]


def test_the_request_is_that_of_the_paper(large, monkeypatch):
    request = plan(large, monkeypatch, "all")
    found = {space.method: space.grid_points() for space in request.spaces}
    assert found == EXPECTED
    assert list(found) == list(PAPER_METHODS)
    assert sum(map(len, found.values())) == 19, "17 suppressed configurations and two baselines"
    assert [request.n_tried(space) for space in request.spaces] == [len(EXPECTED[name]) for name in PAPER_METHODS]
    settings = request.settings
    assert (settings.network_size, settings.encoder, settings.encoder_weights) == (256, "resnet18", None)
    assert (settings.augment, settings.views, settings.representation) == ("none", 1, "sample")
    assert settings.probe == "paper"
    assert (settings.stain_jitter, settings.kl_warmup, settings.grad_clip) == (0.0, 0.0, None)
    assert (request.sampler, request.scheduler, request.n_folds, request.n_finalists) == ("grid", "none", 5, 3)


def test_typed_options_override_the_profile(large, monkeypatch):
    request = plan(
        large, monkeypatch, "mask_fixed", "rae", size="128", views="8", augment="turns", representation="mean",
        sampler="random", trials="5", set=["beta=0.001..0.01", "normalize=true,false", "r_max=60"],
    )  # fmt: skip
    settings = request.settings
    assert (settings.network_size, settings.views, settings.augment, settings.representation) == (
        128,
        8,
        "turns",
        "mean",
    )
    assert (request.sampler, request.n_trials) == ("random", 5)
    mask = request.spaces[0]
    assert (mask.parameters["beta"].low, mask.parameters["beta"].high) == (0.001, 0.01)
    assert mask.parameters["normalize"].choices == (True, False)
    assert mask.parameters["r_max"].value == 60.0
    assert mask.parameters["lr"].value == 0.001, "not typed, so it is the paper's"


def test_lengths_of_the_grid_are_scaled_to_smaller_patches(tmp_path, monkeypatch, discs, capsys):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "discs").symlink_to(discs.path)
    monkeypatch.setenv("CELLBENCH_HOME", str(tmp_path))
    request, _ = plan_search("mask_sampled", "mask_auto", dataset="discs", profile="paper", batch_size="16")
    radii = [point["r_mean"] for point in request.spaces[0].grid_points()]
    assert radii == [7.812, 14.06, 19.69], "50, 90 and 126 of 256 px, in px of a patch of 40 px"
    said = " ".join(capsys.readouterr().err.split())
    assert "The network size is 32 px, and 256 px in the paper; the patches of discs have 40 px." in said
    assert "The paper has no values for mask_auto" in said


def test_an_option_that_a_grid_excludes_names_the_profile(large, monkeypatch):
    with pytest.raises(SettingError, match="--warm-start has no effect with --sampler grid, the default of --profile"):
        plan(large, monkeypatch, "vae", warm_start=True)


def test_other_profiles_augment_and_embed_as_before(large, monkeypatch):
    monkeypatch.setenv("CELLBENCH_HOME", str(large))
    settings = plan_search("vae", dataset="large", profile="cpu", augment="none")[0].settings
    assert (settings.augment, settings.views, settings.representation) == ("none", 8, "mean")
