"""Mean absolute error of the reconstruction in the centre disc."""

from bench.space.objectives.base import Objective, register

register(
    Objective(
        name="l1_core",
        rung="val/l1_core",
        final="val/l1_core",
        sign=-1,
        noise=0.004,
        worst=1.0,
        description="L1 in the centre disc, on unseen patches",
        decided_on="folds",
    )
)
