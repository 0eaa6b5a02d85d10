"""Specification of a synthetic marrow data set, and the built-in ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cellbench.marrow.cells import median_diameter_um

MARROW_VERSION = 1
"""Version of the drawing. It changes if a spec draws different pixels, and is written to every card."""

PAPER_UM_PER_PX = 0.087
"""µm per px of the paper's 256 px patches (section 2: 8–25 µm are 92–287 px)."""

PAPER_SIZE_PX = 256
"""Side of the paper's patches in px."""

Role = Literal["pool", "labelled", "holdout"]


class MarrowSpec(BaseModel):
    """All parameters of a marrow data set. Patch `i` depends only on this record and on `i`.

    Two specs that differ only in `n_patches` share their first patches. `n_labelled` and `n_holdout` fix the roles: the
    first patches are the pool, the next are labelled, and the last are the holdout. Each role then has its own slides,
    and only the pool has artefacts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_patches: int = Field(2000, ge=1, description="number of patches, including artefacts")
    n_labelled: int | None = Field(
        None, ge=1, description="number of labelled patches outside the pool; None: roles are drawn as for any data set"
    )
    n_holdout: int | None = Field(None, ge=1, description="number of held-out patches; required with n_labelled")
    n_slides: int = Field(24, ge=1, description="number of slides; a slide is a group and has its own stain and optics")
    size: int = Field(PAPER_SIZE_PX, ge=16, le=2048, description="side of a patch in px")
    median_radius_px: float | None = Field(
        None, gt=0, description="true median cell radius in px, which sets µm per px; None: the paper's µm per px"
    )
    crowding: float = Field(
        1.0, ge=0, le=3, description="density of the other cells: 0 none, 1 a normal marrow smear, 3 packed"
    )
    class_size_correlation: float = Field(
        1.0,
        ge=0,
        le=1,
        description="share of cells with the size of their own class; the others have that of a random class",
    )
    artefact_share: float = Field(0.06, ge=0, lt=1, description="share of cell-like artefacts without a class")
    jitter_px: float | None = Field(
        None, ge=0, description="standard deviation of the centring error in px; None: 4 px of a 256 px patch"
    )
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _radius_fits_the_patch(self) -> MarrowSpec:
        if self.median_radius_px is not None and self.median_radius_px > self.size / 2:
            raise ValueError(
                f"median_radius_px must be at most half the patch, {self.size / 2:g} px. Got {self.median_radius_px:g}."
            )
        return self

    @model_validator(mode="after")
    def _roles_fit(self) -> MarrowSpec:
        if (self.n_labelled is None) != (self.n_holdout is None):
            raise ValueError("Give n_labelled and n_holdout together, or neither.")
        if self.n_labelled is not None and self.n_holdout is not None:
            if self.n_labelled + self.n_holdout >= self.n_patches:
                raise ValueError(
                    f"n_labelled + n_holdout must leave a pool, so be less than n_patches = {self.n_patches}. "
                    f"Got {self.n_labelled + self.n_holdout}."
                )
            if self.n_slides < 15:
                raise ValueError(f"n_slides must be 15 or more if the roles are fixed. Got {self.n_slides}.")
        return self

    def role_of(self, index: int) -> Role | None:
        """Return the fixed role of patch `index`, or None if roles are drawn later."""
        if self.n_labelled is None or self.n_holdout is None:
            return None
        n_pool = self.n_patches - self.n_labelled - self.n_holdout
        if index < n_pool:
            return "pool"
        return "labelled" if index < n_pool + self.n_labelled else "holdout"

    def slides_of(self, role: Role | None) -> range:
        """Return the slides of a role. Each role gets its share; labelled and holdout get at least five."""
        if role is None or self.n_labelled is None or self.n_holdout is None:
            return range(self.n_slides)
        n_labelled = max(5, round(self.n_slides * self.n_labelled / self.n_patches))
        n_holdout = max(5, round(self.n_slides * self.n_holdout / self.n_patches))
        n_pool = self.n_slides - n_labelled - n_holdout
        ends = {"pool": (0, n_pool), "labelled": (n_pool, n_pool + n_labelled), "holdout": (-n_holdout, 0)}
        low, high = ends[role]
        return range(low % self.n_slides, high or self.n_slides)

    @property
    def um_per_px(self) -> float:
        """µm per px: the paper's at this patch size, or the value that gives `median_radius_px`."""
        if self.median_radius_px is None:
            return PAPER_UM_PER_PX * PAPER_SIZE_PX / self.size
        return median_diameter_um() / 2 / self.median_radius_px

    @property
    def jitter_std_px(self) -> float:
        """Standard deviation of the centring error along each axis, in px of this size."""
        return 4.0 * self.size / PAPER_SIZE_PX if self.jitter_px is None else self.jitter_px

    @property
    def max_offset_px(self) -> float:
        """Largest distance of a cell's centre from the patch centre, in px of this size."""
        return 2.5 * self.jitter_std_px


@dataclass(frozen=True)
class Builtin:
    """A built-in marrow data set.

    Attributes:
        spec: Specification of the data set.
        description: Description for users, one sentence.
    """

    spec: MarrowSpec
    description: str


BUILTIN: dict[str, Builtin] = {
    "marrow-mini": Builtin(
        MarrowSpec(n_patches=2000, n_slides=25, size=96, seed=1),
        "Synthetic bone marrow, small: 2 000 patches of 96 px from 25 slides; pool and labelled patches are the same.",
    ),
    "marrow": Builtin(
        MarrowSpec(n_patches=8000, n_slides=40, size=128, seed=2),
        "Synthetic bone marrow: 8 000 patches of 128 px from 40 slides, divided into pool, labelled and holdout.",
    ),
    "marrow-paper": Builtin(
        MarrowSpec(n_patches=20000, n_labelled=6085, n_holdout=2393, n_slides=80, size=256, seed=3),
        "Synthetic bone marrow, the paper's numbers: 11 522 pool, 6 085 labelled, 2 393 held-out patches of 256 px.",
    ),
}
"""Built-in data sets by name. `marrow-mini` is the default data set of a search."""
