"""Structural similarity of the reconstruction inside the cell."""

from bench.space.objectives.base import Objective, register

register(
    Objective(
        name="ssim",
        rung="val/ssim_cell",
        final="val/ssim_cell",
        sign=1,
        noise=0.01,
        worst=-1.0,
        description="SSIM inside the cell, on unseen patches",
        decided_on="folds",
        needs_radius=True,
    )
)
