"""Macro F1 of the probe."""

from bench.space.objectives.base import Objective, register

register(
    Objective(
        name="f1",
        rung="rung/f1_macro",
        final="probe/f1_macro",
        sign=1,
        noise=0.02,
        worst=0.0,
        description="macro F1 of the probe",
        decided_on="fresh_seeds",
    )
)
