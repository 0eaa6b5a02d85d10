"""Floors on a data set: what was computed once is read from the cache, and never where anything differs."""

import dataclasses

import numpy as np
import pytest

import cellbench.scores.classification
from cellbench.errors import DataError, NotFoundError, StoreError
from cellbench.floors import FLOORS, CachedFloor, CellRadius, available_floors, cell_radius, floor_context
from cellbench.floors.array_cache import cached_arrays
from cellbench.floors.base import packed, unpacked
from cellbench.patches.patchset import PatchSet
from cellbench.probes import PROBES
from cellbench.radius import estimate_radius
from cellbench.scores.classification import cross_validate
from cellbench.scores.few_labels import few_label_scores
from cellbench.training.configuration import TrainingSettings

SETTINGS = TrainingSettings(encoder="test_resnet", network_size=16, views=2)


@pytest.fixture
def context(discs):
    return floor_context(discs, SETTINGS, (1, 2))


@pytest.fixture
def make(discs, context, tmp_path):
    """Return a function that makes a floor by its name, as a new process would."""

    def made(name, patch_set=discs, own=context):
        return CachedFloor(name, FLOORS.get(name)(own), patch_set, own.seeds, tmp_path / "cache")

    return made


@pytest.fixture
def nothing_is_computed(monkeypatch):
    """Return a function after which every computation fails."""

    def forbid(*_args, **_settings):
        raise AssertionError("it was computed again")

    def start():
        for name in FLOORS.names():
            monkeypatch.setattr(FLOORS.get(name), "fit", forbid)
            monkeypatch.setattr(FLOORS.get(name), "restore", forbid)
        monkeypatch.setattr(cellbench.scores.classification, "cross_validate", forbid)
        monkeypatch.setattr(PatchSet, "resized", forbid)

    return start


@pytest.mark.parametrize("name", ["random", "pca", "ring_profile", "patch_dictionary"])
def test_a_second_search_on_the_same_data_pays_nothing(make, nothing_is_computed, name):
    first = make(name)
    found = [
        (first.embeddings(seed, "labelled"), first.embeddings(seed, "holdout"), first.scores(seed, "paper"))
        for seed in first.seeds
    ]
    seconds = first.seconds()
    nothing_is_computed()
    again = make(name)
    assert again.seconds() == seconds > 0
    for seed, (labelled, holdout, scores) in zip(first.seeds, found, strict=True):
        assert again.embeddings(seed, "labelled").tobytes() == labelled.tobytes()
        assert again.embeddings(seed, "holdout").tobytes() == holdout.tobytes()
        for field in dataclasses.fields(scores):
            value, expected = getattr(again.scores(seed, "paper"), field.name), getattr(scores, field.name)
            assert type(value) is type(expected)
            assert np.array_equal(value, expected)


def test_scores_are_those_of_the_probe(make, discs):
    floor, rows = make("ring_profile"), discs.rows("labelled")
    expected = cross_validate(floor.embeddings(0, "labelled"), discs.labels(rows), discs.groups(rows), 3, "paper")
    assert floor.scores(0, "paper").f1_macro == floor.f1_macro("paper") == expected.f1_macro
    assert floor.f1_std("paper") == expected.f1_std
    with pytest.raises(NotFoundError, match="There is no probe 'pape'; did you mean 'paper'"):
        floor.scores(0, "pape")


@pytest.mark.parametrize("name", ["ring_profile", "random"])
def test_scores_with_few_labels_are_means_over_draws_and_seeds_and_cached(make, discs, name, monkeypatch):
    floor, rows = make(name), discs.rows("labelled")
    found = floor.few_labels("kernel_ridge")
    labels, groups = discs.labels(rows), discs.groups(rows)
    each = [
        few_label_scores(floor.embeddings(seed, "labelled"), labels, groups, 3, "kernel_ridge") for seed in floor.seeds
    ]
    assert found == {n: pytest.approx(np.mean([one[n].f1_macro for one in each])) for n in (5, 20)}
    monkeypatch.setattr(PROBES.get("kernel_ridge"), "fit", None)
    assert make(name).few_labels("kernel_ridge") == found


def test_a_random_floor_is_scored_from_several_seeds(make):
    floor = make("random")
    assert floor.seeds == (1, 2)
    assert not np.allclose(floor.embeddings(1, "labelled"), floor.embeddings(2, "labelled"))
    f1 = [floor.scores(seed, "paper").f1_macro for seed in (1, 2)]
    assert floor.f1_macro("paper") == pytest.approx(np.mean(f1))
    assert floor.f1_std("paper") == pytest.approx(np.std(f1, ddof=1))
    assert make("pca").seeds == (0,)


def changed_card(patch_set, **values):
    return PatchSet(patch_set.path, patch_set.card.model_copy(update=values), patch_set.patches, patch_set.masks)


def test_whatever_the_numbers_depend_on_is_in_the_name_of_the_file(make, discs, context, tmp_path, monkeypatch):
    make("ring_profile").f1_macro("paper")

    def n_files():
        return len(list((tmp_path / "cache").glob("*-floor-*")))

    assert n_files() == 3  # fitted, labelled, scores
    make("ring_profile").f1_macro("paper")
    assert n_files() == 3
    make("ring_profile", own=dataclasses.replace(context, radius=CellRadius(5.0, "annotated"))).f1_macro("paper")
    assert n_files() == 6
    make("ring_profile", patch_set=changed_card(discs, fingerprint="0" * 32)).f1_macro("paper")
    assert n_files() == 9
    monkeypatch.setattr(FLOORS.get("ring_profile"), "version", 2)
    make("ring_profile").f1_macro("paper")
    assert n_files() == 12
    make("ring_profile").f1_macro("kernel_ridge")
    assert n_files() == 13
    monkeypatch.setattr(PROBES.get("kernel_ridge"), "version", PROBES.get("kernel_ridge").version + 1)
    make("ring_profile").f1_macro("kernel_ridge")
    assert n_files() == 14
    monkeypatch.setattr("cellbench.floors.cached_floor.LIBRARIES", ("numpy",))
    make("ring_profile").f1_macro("paper")
    assert n_files() == 17


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "folder"])
def test_a_damaged_file_is_computed_again(tmp_path, damage):
    path = tmp_path / "arrays"
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(0.25), "c": np.empty((0, 4), np.uint8)}
    for name, found in cached_arrays(path, lambda: arrays).items():
        assert np.array_equal(found, arrays[name])
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        if damage == "folder":
            path.unlink()
            path.mkdir()
            with pytest.raises(StoreError, match="cannot be written"):
                cached_arrays(path, lambda: arrays)
            return
        flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        path.write_bytes({"cut": content[:place], "flipped": flipped, "emptied": b""}[damage])
        calls = []
        again = cached_arrays(path, lambda calls=calls: calls.append(1) or arrays)
        assert calls == [1]
        assert {name: (each.shape, each.dtype, each.tobytes()) for name, each in again.items()} == {
            name: (each.shape, each.dtype, each.tobytes()) for name, each in arrays.items()
        }
        assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["arrays"]


def test_a_computation_that_fails_leaves_no_file(tmp_path):
    def fail():
        raise DataError("no")

    with pytest.raises(DataError):
        cached_arrays(tmp_path / "arrays", fail)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_pool_is_named(make, discs, monkeypatch):
    monkeypatch.setattr(PatchSet, "rows", lambda self, role: np.empty(0, np.int64))
    with pytest.raises(DataError, match="discs has no patches in its pool, on which the floor pca is fitted"):
        make("pca").fitted(0)


def test_the_radius_is_the_cards_otherwise_the_estimate_otherwise_unknown_with_a_reason(discs, monkeypatch):
    assert cell_radius(discs) == CellRadius(discs.card.cell_radius_px, "annotated")
    unknown = changed_card(discs, cell_radius_px=None, cell_radius_source=None)
    assert cell_radius(unknown) == CellRadius(estimate_radius(discs).radius_px, "estimated")
    few = changed_card(unknown, name="few")
    few.index["in_holdout"] = np.arange(len(few)) >= 5
    found = cell_radius(few)
    assert found.px is None
    assert "needs 10 patches of 16 px or more" in found.source
    monkeypatch.setattr("cellbench.radius.estimate.WEAK", 2.0)
    assert cell_radius(unknown).px is None


def test_floors_that_cannot_be_computed_say_why(context):
    own = dataclasses.replace(context, radius=CellRadius(None, "no cell"))
    floors, reasons = available_floors(FLOORS.names(), own)
    assert sorted(floors) == ["pca", "random"]
    assert [reason.split()[2] for reason in reasons] == ["patch_dictionary", "pca_masked", "ring_profile"]


def test_a_state_without_its_description_is_refused():
    assert unpacked({"about": packed({"a": 1.5})}) == {"a": 1.5}
    for state in ({}, {"about": np.array([123, 1], np.uint8)}, {"about": packed([1])}):
        with pytest.raises(DataError, match="fit the floor again"):
            unpacked(state)
