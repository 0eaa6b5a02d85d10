import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from cellbench.errors import NotFoundError, SettingError, StoreError
from cellbench.marrow import BUILTIN, MARROW_VERSION, MarrowSpec, draw_marrow, make_builtin, write_marrow
from cellbench.marrow.cells import CLASS_NAMES, RECIPES
from cellbench.marrow.dataset import iterate_records
from cellbench.patches import PatchSet

SMALL = MarrowSpec(n_patches=9, n_slides=3, size=32, artefact_share=0.4, seed=5)
FIXED = MarrowSpec(n_patches=17607 + 2393, n_labelled=6085, n_holdout=2393, n_slides=80, size=256)


def test_other_processes_draw_the_same_patches():
    alone, together = draw_marrow(SMALL), draw_marrow(SMALL, n_processes=2)
    np.testing.assert_array_equal(alone.patches, together.patches)
    np.testing.assert_array_equal(alone.masks, together.masks)
    assert alone.index.equals(together.index)


def test_the_index_describes_the_drawn_patches():
    drawn = draw_marrow(SMALL)
    assert drawn.patches.shape == (9, 32, 32, 3)
    assert set(drawn.index) == {"id", "label", "group", "radius_px", "x", "y"}
    assert set(drawn.index["label"].dropna()) <= set(CLASS_NAMES)
    assert 0 < drawn.index["label"].isna().sum() < 9
    assert drawn.index["group"].str.fullmatch(r"slide-\d{3}").all()


def test_a_written_set_opens_with_its_version_scale_and_masks(tmp_path):
    spec = MarrowSpec(n_patches=260, n_slides=8, size=16, seed=1)
    written = write_marrow(tmp_path / "tiny", spec, "tiny", "A test.", n_processes=1)
    opened = PatchSet.open(tmp_path / "tiny")
    assert opened.card.version == MARROW_VERSION
    assert opened.card.um_per_px == pytest.approx(spec.um_per_px)
    assert opened.card.cell_radius_source == "annotated"
    assert [name for name in CLASS_NAMES if name in opened.card.classes] == opened.card.classes
    assert MarrowSpec.model_validate_json(opened.card.source.split(": ", 1)[1]) == spec
    stages = ["promyelocyte", "myelocyte", "metamyelocyte", "band", "segmented"]
    erythroblasts = ["basophilic_erythroblast", "polychromatic_erythroblast", "orthochromatic_erythroblast"]
    assert opened.card.class_order == [stages, erythroblasts]
    assert opened.card.class_frequencies == pytest.approx({each.name: each.frequency for each in RECIPES}, abs=0.001)
    assert opened.masks is not None
    artefacts = opened.index["label"].isna().to_numpy()
    assert artefacts.any()
    assert not opened.index.loc[artefacts, ["in_labelled", "in_holdout"]].any(axis=None)
    assert written.card.fingerprint == opened.card.fingerprint
    with pytest.raises(StoreError, match="exists already"):
        write_marrow(tmp_path / "tiny", spec, "tiny")


def test_fixed_roles_have_the_papers_numbers_and_slides_of_their_own():
    roles = [FIXED.role_of(index) for index in range(FIXED.n_patches)]
    assert [roles.count(role) for role in ("pool", "labelled", "holdout")] == [11522, 6085, 2393]
    slides = [set(FIXED.slides_of(role)) for role in ("pool", "labelled", "holdout")]
    assert set.union(*slides) == set(range(80))
    assert sum(map(len, slides)) == 80
    assert min(map(len, slides)) >= 5


def test_fixed_roles_are_written_and_keep_artefacts_in_the_pool(tmp_path):
    spec = MarrowSpec(n_patches=90, n_labelled=30, n_holdout=30, n_slides=15, size=16, artefact_share=0.5)
    opened = write_marrow(tmp_path / "fixed", spec, "fixed")
    assert len(opened.rows("pool")) == 30
    index = opened.index
    assert index["label"].notna()[~index["in_pool"]].all()
    assert index["label"].isna()[index["in_pool"]].any()
    assert not opened.card.transductive
    groups = [set(index["group"][index[f"in_{role}"]]) for role in ("pool", "labelled", "holdout")]
    assert not groups[0] & groups[1]
    assert not groups[2] & (groups[0] | groups[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_patches": 0}, "n_patches"),
        ({"size": 15}, "size"),
        ({"crowding": -0.1}, "crowding"),
        ({"class_size_correlation": 1.01}, "class_size_correlation"),
        ({"artefact_share": 1.0}, "artefact_share"),
        ({"median_radius_px": 32.1, "size": 64}, "at most half the patch, 32 px. Got 32.1"),
        ({"n_labelled": 10}, "together"),
        ({"n_patches": 40, "n_labelled": 20, "n_holdout": 20}, "must leave a pool"),
        ({"n_labelled": 10, "n_holdout": 10, "n_slides": 14}, "15 or more"),
        ({"crowdng": 1.0}, "crowdng"),
    ],
)
def test_an_invalid_spec_is_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        MarrowSpec(**settings)


def test_the_last_accepted_settings_are_accepted():
    MarrowSpec(n_patches=1, size=16, crowding=0, class_size_correlation=0, artefact_share=0, jitter_px=0, n_slides=1)
    MarrowSpec(median_radius_px=32.0, size=64, crowding=3, class_size_correlation=1)


def test_named_sets_are_large_enough_and_an_unknown_name_is_refused(tmp_path):
    mini = BUILTIN["marrow-mini"].spec
    assert mini.n_patches < 5000
    assert mini.n_slides >= 20
    paper = BUILTIN["marrow-paper"].spec
    assert (paper.n_patches - paper.n_labelled - paper.n_holdout, paper.n_labelled) == (11522, 6085)
    with pytest.raises(NotFoundError, match="marrow-mini"):
        make_builtin("marow", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_drawing_process_that_dies_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StoreError, match="ended early"):
        write_marrow(tmp_path / "dead", SMALL, "dead", n_processes=2)
    assert list(tmp_path.iterdir()) == []


def test_no_process_stays_when_the_caller_stops(monkeypatch):
    started = []

    class Noted(subprocess.Popen):
        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, **settings)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    records = iterate_records(SMALL.model_copy(update={"n_patches": 5000, "size": 64}), n_processes=2)
    assert next(records).index == 0
    records.close()
    assert len(started) == 2
    assert all(process.returncode is not None for process in started)


def test_no_processes_at_all_are_refused():
    with pytest.raises(SettingError, match="n_processes must be 1 or more"):
        next(iterate_records(SMALL, 0))
