"""The configurations of the paper's experiment, and those that users add to them."""

from collections import Counter

import pytest

from bench.planning.reproduction import FIXED
from bench.space.overrides import override
from bench.space.protocol import ESTIMATED, added_entry, added_space, paper_entries
from bench.space.reader import load_space
from bench.space.space import PAPER_METHODS
from cellbench.errors import NotFoundError, SettingError


@pytest.fixture
def entries():
    """The protocol for patches of 128 px, half of the paper's, with an estimated radius of 40 px."""
    spaces = override([load_space(method).scaled(128) for method in (*PAPER_METHODS, ESTIMATED)], FIXED)
    return paper_entries([*spaces[:-1], *override(spaces[-1:], ["r_max=40"])], 128)


def test_the_paper_has_seventeen_suppressed_configurations_and_two_baselines(entries):
    own = [entry for entry in entries if entry.origin == "paper"]
    assert Counter(entry.configuration.method for entry in own) == {
        "vae": 1, "rae": 1, "noise": 3, "mask_fixed": 3, "mask_sampled": 3, "mask_learned": 2, "crop_small": 3,
        "crop_medium": 3,
    }  # fmt: skip
    assert len({entry.configuration.id for entry in entries}) == len({entry.name for entry in entries}) == len(entries)


def test_lengths_are_scaled_to_the_patches_and_suppressions_are_those_of_the_paper(entries):
    named = {entry.name: entry.configuration.params for entry in entries}
    assert named["mask_fixed r_max 25 px"] == {"r_max": 25.0, "normalize": False, "shape": "sqrt"}
    assert named["mask_sampled r_mean 63 px r_std 10 px normalized"]["normalize"] is True
    assert named["crop_small offset_sigma 2.5 px"] == {"offset_sigma": 2.5, "crop_resize": False}
    assert named["noise sigma 200"] == {"sigma": 200.0, "target": "noisy"}
    assert named["mask_auto r_max 40 px"]["r_max"] == 40


def test_shared_names_have_the_lengths_of_the_paper_and_no_estimated_radius(entries):
    shared = {entry.name: entry.shared_name for entry in entries}
    assert len(set(shared.values())) == len(entries)
    assert shared["mask_fixed r_max 25 px"] == "mask_fixed r_max 50 px"
    assert shared["crop_small offset_sigma 2.5 px"] == "crop_small offset_sigma 5 px"
    assert shared["noise sigma 200"] == "noise sigma 200"
    assert shared["mask_auto r_max 40 px"] == "mask_auto"
    assert shared["mask_auto r_max 40 px normalized"] == "mask_auto normalized"


def test_every_mask_is_also_normalized(entries):
    by_origin = {origin: [e for e in entries if e.origin == origin] for origin in ("normalized", "paper", "estimate")}
    masks = [e for e in by_origin["paper"] + by_origin["estimate"] if "normalize" in e.configuration.params]
    assert len(masks) == len(by_origin["normalized"]) == 9
    for mask in masks:
        twin = next(e for e in by_origin["normalized"] if e.name == f"{mask.name} normalized")
        assert twin.configuration.params == {**mask.configuration.params, "normalize": True}


def test_a_file_adds_a_configuration_with_the_defaults_of_its_space(tmp_path):
    path = tmp_path / "soft.yaml"
    path.write_text("method: mask_fixed\nparameters: {r_max: 64, shape: gaussian}\n")
    entry = added_entry("soft", added_space(path).scaled(128))
    assert (entry.name, entry.origin) == ("soft", "added")
    assert entry.configuration.params == {"r_max": 32.0, "normalize": True, "shape": "gaussian"}
    assert entry.configuration.beta == load_space("mask_fixed").parameters["beta"].default


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method: mask_fixed\nparameter: {}\n", "soft.yaml: parameter"),
        ("- 1\n", "it needs method and parameters"),
        ("method: [", "cannot be read as a configuration"),
    ],
)
def test_a_file_with_a_mistake_is_named(tmp_path, text, message):
    path = tmp_path / "soft.yaml"
    path.write_text(text)
    with pytest.raises(SettingError, match=message):
        added_space(path)


def test_an_unknown_method_is_named(tmp_path):
    path = tmp_path / "soft.yaml"
    path.write_text("method: mask_fixt\nparameters: {}\n")
    with pytest.raises(NotFoundError, match="mask_fixed"):
        added_space(path)
