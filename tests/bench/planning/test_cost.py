"""What a reproduction is predicted to cost, in time and on disk."""

import pytest

from bench.planning.calibration import Speed, measured_speed
from bench.planning.disk import ENCODER_BYTES, bytes_of_folder, check_disk
from bench.planning.reproduction import predicted_cost
from bench.space.protocol import Entry
from cellbench.errors import StoreError
from cellbench.patches import pool_folds
from cellbench.training.configuration import Configuration

PROTOCOL = tuple(
    Entry(name=name, shared_name=name, origin="paper", configuration=Configuration(method="vae", latent_dim=number))
    for number, name in enumerate(("vae", "other"), start=1)
)


@pytest.fixture
def request_of(make_request):
    return make_request(protocol=PROTOCOL, n_folds=5, n_seeds=3, supervised="all", oracle=True)


def test_time_is_that_of_all_trainings_and_their_scores_divided_by_those_at_once(request_of, discs):
    pool = discs.rows("pool")
    in_fold = len(pool_folds(discs.groups(pool))[0][0])
    cost = predicted_cost(request_of, discs, 2, Speed(100.0, 7.0))
    assert cost.n_trainings == 2 * 5 * 3 + 1 + 5, "two configurations, the oracle, five folds of the supervised ceiling"
    assert cost.n_patches == 4 * (30 * in_fold + 6 * len(pool)), "four epochs"
    assert cost.seconds == pytest.approx((cost.n_patches / 100 + 36 * 7) / 2)
    assert predicted_cost(request_of, discs, 2, Speed(100.0, None)).seconds == pytest.approx(cost.n_patches / 200)


def test_a_reproduction_keeps_embeddings_and_no_encoders(request_of, make_request, discs):
    n_embedded = len(discs.rows("labelled")) + len(discs.rows("holdout"))
    latent = 256  # that of the spaces, which is at least that of each entry
    of_checkpoints = 6 * 2 * ENCODER_BYTES
    assert bytes_of_folder(request_of, discs, 2) == 2 * 30 * 4 * latent * n_embedded + of_checkpoints
    searched = make_request(n_trials=4, n_finalists=1, n_folds=2, n_seeds=3)
    assert bytes_of_folder(searched, discs, 2) == (
        2 * (4 + 2 + 3) * 4 * latent * n_embedded + 2 * 3 * ENCODER_BYTES + of_checkpoints
    )


def test_a_disk_that_is_too_small_is_named(request_of, discs, home, monkeypatch):
    import shutil

    monkeypatch.setattr("cellbench.disk.shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 0, 10**8))
    with pytest.raises(StoreError, match=r"searches needs 3.* but its disk has 100\.0 MB left"):
        check_disk(request_of, discs, 1)


def test_the_speed_is_measured_with_the_scores(request_of, discs, home):
    found = measured_speed(request_of, discs)
    assert found.patches_per_s > 0
    assert found.scores_s > 0
