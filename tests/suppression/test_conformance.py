"""Every registered suppression passes the conformance suite and has its own files."""

import inspect
from pathlib import Path

import pytest

from bench.space.reader import SPACES_DIR
from bench.space.space import PAPER_METHODS
from cellbench.suppression import SUPPRESSIONS
from cellbench.testing import SuppressionConformance


class TestSuppressions(SuppressionConformance):
    @pytest.fixture(params=SUPPRESSIONS.names())
    def method_name(self, request):
        return request.param


@pytest.mark.parametrize("method", sorted(set(SUPPRESSIONS.names()) - set(PAPER_METHODS)))
def test_a_method_beyond_the_paper_has_a_file_a_space_and_a_test_of_its_name(method):
    assert Path(inspect.getfile(SUPPRESSIONS.get(method))).stem == method
    assert (SPACES_DIR / f"{method}.yaml").is_file()
    assert Path(__file__).with_name(f"test_{method}.py").is_file()
