"""The array importer: the conformance suite, and its errors."""

import numpy as np
import pytest

from cellbench.errors import DataError
from cellbench.importers import ImportOptions
from cellbench.testing import ImporterConformance
from cellbench_example.npy import read_npy, write_npy_example


class TestNpy(ImporterConformance):
    format_name = "npy"


@pytest.fixture
def folder(tmp_path):
    return write_npy_example(tmp_path, np.zeros((2, 8, 8, 3), np.uint8), ["a", "b"])


def test_an_empty_line_is_a_patch_without_a_label(folder):
    (folder / "labels.txt").write_text("a\n\n")
    assert read_npy(folder, ImportOptions()).table["label"].tolist() == ["a", None]


def test_another_number_of_labels_is_refused(folder):
    (folder / "labels.txt").write_text("a\n")
    with pytest.raises(DataError, match="has 2 patches but 1 labels"):
        read_npy(folder, ImportOptions())


@pytest.mark.parametrize("array", [np.zeros((2, 8, 8, 3)), np.zeros((2, 8, 8), np.uint8)])
def test_another_array_is_refused(folder, array):
    np.save(folder / "patches.npy", array)
    with pytest.raises(DataError, match="it must be uint8, N × H × W × 3"):
        read_npy(folder, ImportOptions())
