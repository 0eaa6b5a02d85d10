from dataclasses import dataclass
@dataclass(frozen=True)
class Factor:
    low: float
    best: float
    high: float
FACTORS={}
def recommended_r_max(): ...
