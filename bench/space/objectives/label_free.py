"""Cell content of the latent, measured without labels."""

from bench.space.objectives.base import Objective, register

register(
    Objective(
        name="label_free",
        rung="rung/cell_content",
        final="latent/cell_content",
        sign=1,
        noise=0.06,
        worst=-1.0,
        description="cell content of the latent, judged without labels",
        decided_on="folds",
        needs_radius=True,
        min_unseen=40,  # `cellbench.scores.cell_content.MIN_CELLS`, whose module imports torch
    )
)
