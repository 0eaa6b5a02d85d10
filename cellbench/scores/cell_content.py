"""What an embedding knows of the cell and of nothing else, judged without labels.

A representation is worth something if the cell can be drawn from it, and still can when the cell is put among foreign
surroundings. Both ways to fail show in one number: an encoder that looks at too little cannot draw the cell, one that
looks at too much draws it wrong as soon as the surroundings change.
"""

import numpy as np
import torch

from cellbench.geometry import disc
from cellbench.models import AutoEncoder
from cellbench.scores.leakage import transplanted
from cellbench.suppression import Suppression
from cellbench.training.augment import symmetries
from cellbench.training.embedding import embed, to_unit

N_COMPONENTS = 16
RIDGE = 30.0
"""Penalty on the coefficients of standardised units."""
N_FOLDS = 5


def cell_content(
    model: AutoEncoder,
    suppression: Suppression,
    source: np.ndarray,
    rows: np.ndarray,
    groups: np.ndarray,
    radius_px: np.ndarray,
    native_size: int,
    device: torch.device,
    views: int,
) -> float:
    """Return the share of the cells' variance that embeddings predict once the surroundings are those of others.

    The cell is the disc of the median radius, its mean over the same symmetries as the embedding, as 16 principal
    components. A ridge regression from standardised embeddings to these is fitted on four fifths of the groups, on
    patches as they are, and judged on the last fifth with their surroundings exchanged. 1 is everything, 0 no more
    than the mean cell; below 0, foreign surroundings mislead. NaN for fewer than 40 patches or a collapsed latent.

    Args:
        model: The auto-encoder; embeddings are its μ.
        suppression: Its suppression.
        source: uint8, shape (N, S, S, 3), S the suppression's source size.
        rows: Rows to use, best those that were not trained on.
        groups: Group codes of these rows, shape (len(rows),).
        radius_px: Radius of each of these cells in native px, shape (len(rows),).
        native_size: Side in px of the data set's patches.
        device: Where to compute.
        views: Symmetries of the square that an embedding is the mean of: 1, 2, 4 or 8.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GroupKFold

    if len(rows) < MIN_CELLS:
        return float("nan")
    patches = np.ascontiguousarray(source[rows])
    moved = transplanted(patches, groups, radius_px, native_size).here
    everyone = np.arange(len(rows))
    z, z_moved = (embed(model, suppression, images, everyone, device, views=views) for images in (patches, moved))
    scale = z.std(axis=0)
    active = scale > 1e-3 * scale.max()
    if scale.max() < 1e-6:
        return float("nan")
    z, z_moved = ((each[:, active] - z[:, active].mean(axis=0)) / scale[active] for each in (z, z_moved))

    inside = disc(patches.shape[1], float(np.median(radius_px)) * patches.shape[1] / native_size) > 0
    cells = torch.stack(list(symmetries(to_unit(patches, torch.device("cpu")), views))).mean(dim=0)
    pixels = cells.numpy()[:, :, inside].reshape(len(rows), -1)
    cell = PCA(min(N_COMPONENTS, pixels.shape[1]), random_state=0).fit_transform(pixels)
    own = groups if len(np.unique(groups)) >= N_FOLDS else everyone
    lost = 0.0
    for fitted, judged in GroupKFold(N_FOLDS).split(cell, groups=own):
        ridge = Ridge(RIDGE).fit(z[fitted], cell[fitted])
        lost += float(((ridge.predict(z_moved[judged]) - cell[judged]) ** 2).sum())
    return 1 - lost / float(((cell - cell.mean(axis=0)) ** 2).sum())


MIN_CELLS = 40
"""Unseen patches from which `latent/cell_content` can be read."""
