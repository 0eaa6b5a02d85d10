"""What a synthetic marrow data set is asked to be: one frozen record of numbers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cellbench.marrow.cells import median_diameter_um

MARROW_VERSION = 1
"""Changes whenever the same spec would draw other pixels; stands in the card of every marrow data set."""

PAPER_UM_PER_PX = 0.087
"""µm per px of the paper's 256 px patches (8–25 µm are 92–287 px there, section 2)."""

PAPER_SIZE_PX = 256


Role = Literal["pool", "labelled", "holdout"]


class MarrowSpec(BaseModel):
    """Everything that decides a marrow data set; patch `i` depends on this record and on `i`, on nothing else.

    Two specs that differ only in `n_patches` share their first patches. With `n_labelled` and `n_holdout` the roles
    are fixed: the first patches are the pool, then come the labelled ones, then the holdout; each part has slides of
    its own, and artefacts are in the pool only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_patches: int = Field(2000, ge=1, description="patches, artefacts among them")
    n_labelled: int | None = Field(
        None, ge=1, description="labelled patches, kept out of the pool; None: roles are drawn as for any data set"
    )
    n_holdout: int | None = Field(None, ge=1, description="patches held out; given together with n_labelled")
    n_slides: int = Field(24, ge=1, description="slides; the slide is the group, and has its own stain and optics")
    size: int = Field(PAPER_SIZE_PX, ge=16, le=2048, description="side of a patch in px")
    median_radius_px: float | None = Field(
        None, gt=0, description="true median radius of the cells in px; sets µm per px. None: the paper's µm per px"
    )
    crowding: float = Field(
        1.0, ge=0, le=3, description="how closely other cells stand: 0 none, 1 a normal marrow smear, 3 packed"
    )
    class_size_correlation: float = Field(
        1.0, ge=0, le=1, description="share of cells that have their own class's size; the others a random class's"
    )
    artefact_share: float = Field(0.06, ge=0, lt=1, description="share of cell-like artefacts, which have no class")
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
                    f"n_labelled + n_holdout must leave a pool: less than n_patches = {self.n_patches}. "
                    f"Got {self.n_labelled + self.n_holdout}."
                )
            if self.n_slides < 15:
                raise ValueError(f"n_slides must be 15 or more where the roles are fixed. Got {self.n_slides}.")
        return self

    def role_of(self, index: int) -> Role | None:
        """The fixed role of patch `index`; None where roles are drawn later."""
        if self.n_labelled is None or self.n_holdout is None:
            return None
        n_pool = self.n_patches - self.n_labelled - self.n_holdout
        if index < n_pool:
            return "pool"
        return "labelled" if index < n_pool + self.n_labelled else "holdout"

    def slides_of(self, role: Role | None) -> range:
        """The slides that patches of this role come from; of all slides each part gets its share, at least five."""
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
        """µm per px: the paper's at this size, or what makes the median radius the one asked for."""
        if self.median_radius_px is None:
            return PAPER_UM_PER_PX * PAPER_SIZE_PX / self.size
        return median_diameter_um() / 2 / self.median_radius_px

    @property
    def jitter_std_px(self) -> float:
        """Standard deviation of the centring error along each axis, in px of this size."""
        return 4.0 * self.size / PAPER_SIZE_PX if self.jitter_px is None else self.jitter_px

    @property
    def max_offset_px(self) -> float:
        """No cell's centre is farther than this from the patch's centre."""
        return 2.5 * self.jitter_std_px
