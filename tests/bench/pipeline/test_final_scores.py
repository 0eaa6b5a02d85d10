"""The final scores of a search."""

import numpy as np

from bench.pipeline.final_scores import _holdout


def test_the_probe_of_the_holdout_has_learned_the_labelled_patches_only(discs):
    labelled, holdout = discs.rows("labelled"), discs.rows("holdout")
    classes = np.eye(3, dtype=np.float32)
    known = classes[discs.labels(labelled)] * 4
    seen = _holdout(discs, [known], [classes[discs.labels(holdout)] * 4])
    # In the holdout each class looks like the next one: a probe that has seen the holdout would find it.
    turned = _holdout(discs, [known], [classes[(discs.labels(holdout) + 1) % 3] * 4])
    assert seen.f1_macro == 1
    assert turned.f1_macro == 0
