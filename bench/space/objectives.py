"""What a search can optimise."""

from dataclasses import dataclass

from cellbench.errors import NotFoundError, SettingError
from cellbench.registry import nearest


@dataclass(frozen=True)
class Objective:
    """One number to optimise.

    Attributes:
        name: Name on the command line.
        rung: Metric that trials in progress are compared on.
        final: Metric of a fully trained trial that decides.
        sign: 1 where more is better, −1 where less is.
        noise: Standard deviation between trainings that differ in nothing but chance: what is believed before any was
            measured. The upper end of what three seeds of a mask differ by on the data sets of docs/radius.md.
        worst: Value that a trial gets before it has any, and where it failed; finite, as samplers need it.
        description: What it is, for people.
    """

    name: str
    rung: str
    final: str
    sign: int
    noise: float
    worst: float
    description: str

    def in_progress(self, metrics: dict[str, float]) -> float:
        """Return what Ray Tune maximises, from the metrics of any epoch; never NaN."""
        return self.sign * metrics.get(self.final, metrics.get(self.rung, self.worst))

    def better(self, one: float, other: float) -> bool:
        """Whether one value is better than another."""
        return self.sign * one > self.sign * other


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("f1", "rung/f1_macro", "probe/f1_macro", 1, 0.02, 0.0, "macro F1 of the probe"),
        Objective("ssim", "val/ssim_cell", "val/ssim_cell", 1, 0.01, -1.0, "SSIM inside the cell, on unseen patches"),
        Objective(
            "label_free",
            "rung/cell_content",
            "latent/cell_content",
            1,
            0.06,
            -1.0,
            "cell content of the latent, judged without labels",
        ),
        Objective("l1_core", "val/l1_core", "val/l1_core", -1, 0.004, 1.0, "L1 in the centre disc, on unseen patches"),
    )
}


def get_objective(name: str) -> Objective:
    """Return an objective by name.

    Raises:
        NotFoundError: There is none of that name.
    """
    if name not in OBJECTIVES:
        raise NotFoundError(f"There is no objective '{name}'; {nearest(name, OBJECTIVES)}")
    return OBJECTIVES[name]


def parse_objectives(text: str) -> tuple[Objective, ...]:
    """Return the objectives that a text such as `f1` or `f1,ssim` names, the most important first.

    Raises:
        NotFoundError: There is none of that name.
        SettingError: One stands there twice.
    """
    names = [name.strip() for name in text.split(",")]
    if len(names) != len(set(names)):
        raise SettingError(f"--objective {text} names one twice.")
    return tuple(map(get_objective, names))
