"""Every registered importer passes the conformance suite and has its own files."""

from pathlib import Path

import pytest

from cellbench.importers import IMPORTERS, formats
from cellbench.testing import ImporterConformance


class TestImporters(ImporterConformance):
    @pytest.fixture(params=IMPORTERS.names())
    def name(self, request):
        return request.param


@pytest.mark.parametrize("name", IMPORTERS.names())
def test_a_format_has_a_file_and_a_test_of_its_name(name):
    assert Path(formats.__file__).with_name(f"{name}.py").is_file()
    assert (Path(__file__).parent / "formats" / f"test_{name}.py").is_file()
