"""The figure of a confusion matrix."""

import numpy as np

from cellbench.scores.confusion_figure import save_confusion


def test_class_names_are_no_formulas(tmp_path):
    save_confusion(tmp_path / "confusion.png", np.eye(3, dtype=int), [r"$\frac$", "cost in $", "a\nb"], "title")
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")
