"""Every registered score passes the conformance suite."""

import pytest

from cellbench.scores.base import SCORES, all_scores
from cellbench.testing.scores import ScoreConformance

all_scores()


class TestEveryScore(ScoreConformance):
    @pytest.fixture(params=SCORES.names())
    def name(self, request):
        return request.param


def test_scores_are_found_without_a_list_of_them_and_have_an_order():
    known = ["Reconstruction", "Latent", "CrossValidatedProbe", "Leakage", "CellContent"]
    assert [score.__name__ for score in all_scores() if score.__name__ in known] == known
