"""What ended searches hand on to a new one."""

import pytest
from programs import plan_search

from bench.planning.warm_start import with_warm_start
from bench.record.folder import SearchFolder
from bench.record.request import Request
from bench.record.summary import Row, Summary
from bench.space.overrides import override
from bench.space.reader import load_space
from bench.tuning.samplers import OptunaMethodSearch
from cellbench.errors import SettingError


@pytest.fixture
def end_search(home, make_request):
    """Return a function that leaves an ended search in the home."""

    def end(name, r_max, f1, floor=0.3, **changes):
        request = make_request("mask_fixed", name=name, **changes)
        folder = SearchFolder(home / "searches" / name)
        request.write(folder)
        params = {"r_max": r_max, "normalize": True, "shape": "sqrt", "lr": 1e-3, "beta": 1e-3, "latent_dim": 256}
        rows = [
            Row(kind="method", name="mask_fixed", f1_macro=f1, f1_std=None, params=params),
            Row(kind="floor", name="pca", f1_macro=floor, f1_std=None),
        ]
        Summary(
            search=name, dataset=request.dataset, winner="mask_fixed", rows=rows, importances={}, n_holdout=0, look=1,
            notes=[], final={}, seconds=1.0,
        ).write(folder)  # fmt: skip

    return end


@pytest.fixture
def space(discs):
    return load_space("mask_fixed").scaled(discs.card.native_size)


def radii(space, n):
    return [point["r_max"] for point in space.first_points()[:n]]


def test_the_best_of_the_same_data_comes_first_then_others_by_their_lead(end_search, space, discs):
    end_search("other-high", 20.0, 0.9, floor=0.85, fingerprint="x" * 16, native_size=80)
    end_search("other-lead", 30.0, 0.5, floor=0.2, fingerprint="y" * 16, native_size=80)
    end_search("same-low", 9.0, 0.4)
    end_search("same-high", 12.0, 0.5)
    warmed, names = with_warm_start(space, discs.card, {})
    assert names == ["same-high", "same-low", "other-lead"], "three at most"
    assert radii(warmed, 4) == [12.0, 9.0, 15.0, 7.812], "half as large a patch, and the paper's points after them"
    sampler = OptunaMethodSearch(warmed, "tpe", 0, (), 12)
    assert [sampler.next_point(str(n))["r_max"] for n in range(4)] == [12.0, 9.0, 15.0, 7.812]


def test_lengths_scale_with_the_cells_where_both_cards_know_them(end_search, space, discs, home):
    end_search("other", 10.0, 0.5, dataset="far", fingerprint="z" * 16, native_size=80)
    far = home / "datasets" / "far"
    far.mkdir(parents=True)
    card = discs.card.model_copy(
        update={"fingerprint": "z" * 16, "native_size": 80, "cell_radius_px": 2 * discs.card.cell_radius_px}
    )
    card.write(far / "card.yaml")
    assert radii(with_warm_start(space, discs.card, {})[0], 1) == [5.0]
    card.model_copy(update={"cell_radius_px": 4 * discs.card.cell_radius_px}).write(far / "card.yaml")
    assert radii(with_warm_start(space, discs.card, {})[0], 1) == [3.906], "at the edge of the space"


def test_what_is_held_constant_stays_so_and_ranges_end_where_they_end(end_search, space, discs):
    end_search("same", 12.0, 0.5)
    narrowed = override([space], ["r_max=5..8", "normalize=false"])[0]
    first = with_warm_start(narrowed, discs.card, {})[0].first_points()[0]
    assert (first["r_max"], first["normalize"], first["beta"]) == (8.0, False, 1e-3)


def test_searches_that_have_not_ended_or_are_damaged_hand_nothing_on(end_search, space, discs, home):
    end_search("running", 12.0, 0.5)
    (home / "searches" / "running" / "summary.json").unlink()
    end_search("damaged", 12.0, 0.5)
    (home / "searches" / "damaged" / "summary.json").write_text("{")
    assert with_warm_start(space, discs.card, {}) == (
        space.model_copy(update={"first": tuple(space.first_points())}),
        [],
    )


def test_the_request_keeps_what_it_began_with(end_search, discs, home):
    end_search("same", 12.0, 0.5)
    (home / "datasets").mkdir(exist_ok=True)
    (home / "datasets" / "discs").symlink_to(discs.path)
    typed = {"profile": "cpu", "dataset": "discs", "epochs": "1", "size": "16"}
    cold, _ = plan_search("mask_fixed", **typed, name="cold")
    assert cold.warm_start == {}
    assert cold.spaces[0].first_points()[0]["r_max"] == 7.812
    warm, folder = plan_search("mask_fixed", **typed, name="warm", warm_start=True)
    warm.write(folder)
    end_search("later", 9.0, 0.9)
    again = Request.read(folder)
    assert again.warm_start["mask_fixed"][0] == "same"
    assert "later" not in again.warm_start["mask_fixed"]
    assert "the radius estimate" in again.warm_start["mask_fixed"]
    n_known = len(again.warm_start["mask_fixed"])
    assert radii(again.spaces[0], n_known + 1)[::n_known] == [12.0, 7.812]
    with pytest.raises(SettingError, match="--warm-start has no effect with --sampler grid"):
        plan_search("mask_fixed", **typed, warm_start=True, sampler="grid")
