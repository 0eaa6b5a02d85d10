"""Selection of one cell in a mask of many cells."""

import numpy as np
from numpy.typing import NDArray


def centre_cell(mask: NDArray[np.uint8], x: float, y: float) -> NDArray[np.uint8]:
    """Return the connected component of a mask that contains (x, y), otherwise the nearest component.

    Args:
        mask: uint8, H × W, above 0 inside cells. Cells that touch are one component.
        x: Column of the centre in px of the mask; 0 is the centre of the first pixel.
        y: Row of the centre in px of the mask.

    Returns:
        uint8, H × W, 1 inside the component and 0 elsewhere; all 0 if the mask is empty.

    Example:
        >>> centre_cell(np.array([[1, 1, 0, 0, 1]], dtype=np.uint8), x=3.4, y=0).tolist()
        [[0, 0, 0, 0, 1]]
    """
    from scipy import ndimage

    parts, n_parts = ndimage.label(mask > 0)
    if n_parts == 0:
        return np.zeros_like(mask)
    rows, columns = np.nonzero(parts)
    nearest = int(np.argmin((rows - y) ** 2 + (columns - x) ** 2))
    return np.asarray(parts == parts[rows[nearest], columns[nearest]], dtype=np.uint8)
