"""The share of the way from the strongest floor to the ceiling, and whether there is a way at all."""

from dataclasses import dataclass

MIN_LEAD = 0.02
"""Smallest lead of a ceiling over the strongest floor that shares of the way are given for, in macro F1."""


@dataclass(frozen=True)
class Lead:
    """The lead of a ceiling over the strongest floor, both scored on the same patches.

    Attributes:
        f1: Macro F1 of the ceiling minus that of the floor.
        low: Lower end of its 95 % interval over groups; None where there is no interval.
        high: Upper end of that interval; None where there is no interval.
        words: The interval in words, or why there is none.
    """

    f1: float
    low: float | None
    high: float | None
    words: str

    @property
    def is_open(self) -> bool:
        """Whether the ceiling is above the floor: by `MIN_LEAD` or more, and with an interval that does not hold 0.

        Without an interval, the size of the lead decides alone.
        """
        return self.f1 >= MIN_LEAD and (self.low is None or self.high is None or not self.low <= 0 <= self.high)


def share_of_way(f1: float, floor: float, lead: Lead | None) -> float | None:
    """Return the share of the way from the strongest floor to the ceiling: (F1 − floor) / (ceiling − floor).

    It is 0 at the floor and 1 at the ceiling, negative below the floor and more than 1 above the ceiling.

    Args:
        f1: Macro F1 of a result, 0–1.
        floor: Macro F1 of the strongest floor, 0–1.
        lead: Lead of the ceiling over that floor; None where there is no ceiling.

    Returns:
        The share; None where there is no ceiling, or where the floor reaches it.
    """
    return (f1 - floor) / lead.f1 if lead is not None and lead.is_open else None
