"""Conformance suites for what other packages can add, for the tests of this project and of theirs.

A suite is a base class of pytest tests. A subclass in a test file names what is tested:

    from cellbench.testing import SuppressionConformance


    class TestMyMask(SuppressionConformance):
        method = "my_mask"

This package imports pytest, which `pip install cellbench` does not install. Nothing else in `cellbench` imports it.
"""

import pytest

# Before the imports: pytest then shows the values of a failed assertion, as it does for test files.
pytest.register_assert_rewrite(
    *(f"cellbench.testing.{name}" for name in ("floors", "importers", "scores", "suppressions"))
)

from cellbench.testing.importers import ImporterConformance  # noqa: E402
from cellbench.testing.suppressions import SuppressionConformance, example_params  # noqa: E402

__all__ = ["ImporterConformance", "SuppressionConformance", "example_params"]
