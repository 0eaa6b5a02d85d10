"""The critical-difference diagram: what it says, and that it is a file of the promised format."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.reporting.critical_difference import critical_difference_figures
from bench.statistics.comparison.ranks import rank_methods


def ranking(n_datasets, n_methods=6):
    rng = np.random.default_rng(0)
    levels = np.repeat([0.9, 0.5], n_methods // 2)
    names = [f"method {number}" for number in range(len(levels))]
    return rank_methods(pd.DataFrame(levels + rng.normal(0, 0.01, (n_datasets, len(levels))), columns=names))


@pytest.fixture
def drawn(monkeypatch):
    from matplotlib.figure import Figure

    def draw(found):
        kept = []
        monkeypatch.setattr(Figure, "savefig", lambda self, part, **_: kept.append(self))
        critical_difference_figures(found)
        return kept[0].axes[0]

    return draw


def test_each_method_stands_with_its_rank_and_each_group_has_a_bar(drawn):
    found = ranking(20)
    axes = drawn(found)
    texts = [text.get_text().strip() for text in axes.texts]
    for name, rank in found.ranks.items():
        assert any(name in text and f"{rank:.2f}" in text for text in texts)
    assert "critical difference 1.69" in texts
    assert sum(line.get_linewidth() == 4 for line in axes.lines) == len(found.groups) == 2
    assert "over 20 data sets; Friedman's test: p = 0.0001" in axes.get_title(loc="left")


def test_two_data_sets_cannot_tell_methods_apart(drawn):
    texts = [text.get_text() for text in drawn(ranking(2)).texts]
    assert any("wider than the scale" in text for text in texts)


def test_the_figure_is_a_png_and_an_svg():
    found = critical_difference_figures(ranking(20))
    with Image.open(io.BytesIO(found["png"]), formats=["PNG"]) as image:
        assert np.asarray(image.convert("L")).std() > 5
    assert b"<svg" in found["svg"]
