"""Cell content: how much of the cell an embedding predicts after its surroundings were exchanged; needs no labels.

A good embedding predicts the appearance of the cell, and still does when the surroundings change. Both possible faults
lower this one number. An encoder that sees too little cannot predict the cell. An encoder that sees too much predicts
it wrongly as soon as the surroundings change.
"""

import numpy as np

from cellbench.geometry import disc
from cellbench.scores.base import SCORES, EncodedCells, Metric, Score, ScoreContext
from cellbench.scores.leakage import transplanted

N_COMPONENTS = 16
"""Principal components of the cell that are predicted."""
RIDGE = 30.0
"""Penalty on the coefficients of standardised units."""
N_FOLDS = 5
MIN_CELLS = 40
"""Fewest unseen patches from which the cell content can be computed."""
N_CELLS_AT_END = 256
N_CELLS_AT_RUNG = 128
VIEWS_AT_RUNG = 2
"""Most symmetries of the square that an embedding is the mean of at a rung, where the score only ranks trials."""


def cell_content(cells: EncodedCells, views: int) -> float:
    """Return the share of the cells' variance that embeddings predict after the surroundings were exchanged.

    The cell is the disc of the median radius, averaged over the same symmetries as the embedding and reduced to 16
    principal components. A ridge regression from standardised embeddings to these components is fitted on four fifths
    of the groups, on unchanged patches. It is evaluated on the last fifth, on patches with exchanged surroundings.

    Args:
        cells: Cells and their encoder.
        views: Symmetries of the square that an embedding is the mean of: 1, 2, 4 or 8.

    Returns:
        1 where everything is predicted, 0 where no more than the mean cell is, less than 0 where exchanged surroundings
        mislead the regression. NaN for fewer than 40 cells and for a collapsed latent.
    """
    import torch
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GroupKFold

    from cellbench.training.augment import symmetries
    from cellbench.training.embedding import to_unit

    n_cells = len(cells.rows)
    if n_cells < MIN_CELLS:
        return float("nan")
    patches = cells.patches
    moved = transplanted(patches, cells.groups, cells.radius_px, cells.native_size).here
    z, z_moved = (cells.embed(images, views) for images in (patches, moved))
    scale = z.std(axis=0)
    active = scale > 1e-3 * scale.max()
    if scale.max() < 1e-6:
        return float("nan")
    z, z_moved = ((each[:, active] - z[:, active].mean(axis=0)) / scale[active] for each in (z, z_moved))

    inside = disc(patches.shape[1], float(np.median(cells.radius_px)) * patches.shape[1] / cells.native_size) > 0
    mean_view = torch.stack(list(symmetries(to_unit(patches, torch.device("cpu")), views))).mean(dim=0)
    pixels = mean_view.numpy()[:, :, inside].reshape(n_cells, -1)
    cell = PCA(min(N_COMPONENTS, pixels.shape[1]), random_state=0).fit_transform(pixels)
    groups = cells.groups if len(np.unique(cells.groups)) >= N_FOLDS else np.arange(n_cells)
    lost = 0.0
    for train, test in GroupKFold(N_FOLDS).split(cell, groups=groups):
        ridge = Ridge(RIDGE).fit(z[train], cell[train])
        lost += float(((ridge.predict(z_moved[test]) - cell[test]) ** 2).sum())
    return 1 - lost / float(((cell - cell.mean(axis=0)) ** 2).sum())


@SCORES.register("cell_content", "share of the cell that embeddings predict after the surroundings were exchanged")
class CellContent(Score):
    """Cell content of unseen cells, at rungs and at the end of a trial."""

    moments = ("rung", "end")
    metrics = (
        Metric("rung/cell_content", "rung", "max", "≤ 1", "cell content of the latent at a rung"),
        Metric(
            "latent/cell_content", "end", "max", "≤ 1", "cell content of the latent", "content",
            takes_column_of="val/l1_core", mean_over="folds",
        ),
    )  # fmt: skip
    order = 50

    def compute(self, context: ScoreContext) -> dict[str, float]:
        """Return the metric of the moment; nothing where no cell of known size is unseen."""
        at_rung = context.moment == "rung"
        cells = context.unseen_cells(N_CELLS_AT_RUNG if at_rung else N_CELLS_AT_END)
        if cells is None:
            return {}
        if at_rung:
            return {"rung/cell_content": cell_content(cells, min(VIEWS_AT_RUNG, context.views))}
        return {"latent/cell_content": cell_content(cells, context.views)}
