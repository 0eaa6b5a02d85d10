"""Every registered score passes the conformance suite."""

import pytest

from cellbench.scores.base import SCORES, all_scores
from cellbench.testing.scores import ScoreConformance

all_scores()


class TestEveryScore(ScoreConformance):
    @pytest.fixture(params=SCORES.names())
    def name(self, request):
        return request.param


def test_scores_are_found_without_a_list_of_them():
    assert SCORES.names() == ["cell_content", "latent", "leakage", "probe", "reconstruction"]
    assert [score.__name__ for score in all_scores()] == [
        "Reconstruction", "Latent", "CrossValidatedProbe", "Leakage", "CellContent",
    ]  # fmt: skip
