"""The noise of a difference of two means over seeds."""


def half_width(own: float, n_own: int, other: float, n_other: int) -> float:
    """Return half of Welch's 95 % interval of a difference of two means.

    Args:
        own: Squared standard error of the first mean.
        n_own: Number of its seeds, 2 or more.
        other: Squared standard error of the second mean; 0 where it has no seeds.
        n_other: Number of its seeds.
    """
    from scipy.special import stdtrit  # scipy.stats takes longer to import, and lists of searches need this too

    if own + other == 0:
        return 0.0
    freedom = (own + other) ** 2 / (own**2 / (n_own - 1) + other**2 / max(1, n_other - 1))
    return float(stdtrit(freedom, 0.975) * (own + other) ** 0.5)
