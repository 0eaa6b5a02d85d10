"""Time several variants of one task in turn, so that a disturbance of the machine affects all of them.

python -m bench.perf.beside perf.json     # print the results of a run as Markdown
"""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def compare(
    benchmark: Any, variants: Mapping[str, Callable[[], None]], amount: float, unit: str, rounds: int = 5
) -> None:
    """Time variants: one warm-up call of each, then one call of each per round in random order.

    Args:
        benchmark: Fixture of pytest-benchmark. Its JSON keeps the seconds of every call in `extra_info`.
        variants: Functions to compare, by name. Ratios are relative to the first.
        amount: Number of units that one call processes.
        unit: Name of the unit, for example `patches`.
        rounds: Number of rounds after the warm-up.
    """
    for variant in variants.values():
        variant()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    order = np.random.default_rng(0)

    def one_round() -> None:
        for name in order.permutation(list(variants)):
            start = time.perf_counter()
            variants[name]()
            seconds[name].append(time.perf_counter() - start)

    benchmark.pedantic(one_round, rounds=rounds, iterations=1)
    benchmark.extra_info.update({"amount": amount, "unit": unit, "seconds": seconds})


def rows(entry: Mapping[str, Any]) -> list[tuple[str, float, float, float, float]]:
    """Return a row for each variant of an entry of the JSON.

    Returns:
        Name, units per second, and the median, smallest and largest ratio of its rate to that of the first variant.
    """
    info = entry["extra_info"]
    first = next(iter(info["seconds"].values()))
    result = []
    for name, seconds in info["seconds"].items():
        ratios = [a / b for a, b in zip(first, seconds, strict=True)]
        rate = info["amount"] / statistics.median(seconds)
        result.append((name, rate, statistics.median(ratios), min(ratios), max(ratios)))
    return result


def tables(path: Path) -> str:
    """Return the results in a JSON file of pytest-benchmark as Markdown tables."""
    data = json.loads(path.read_text())
    machine = data["machine_info"]
    text = [f"{machine['cpu'].get('brand_raw', 'CPU')}, Python {machine['python_version']}"]
    for entry in data["benchmarks"]:
        info = entry["extra_info"]
        text += ["", f"**{entry['name'].removeprefix('test_').replace('_', ' ')}**", ""]
        if "seconds" in info:
            text += [f"| | {info['unit']}/s | ratio | range of ratios |", "| --- | --- | --- | --- |"]
            for name, rate, middle, low, high in rows(entry):
                text.append(f"| {name} | {rate:.4g} | {middle:.2f} | {low:.2f}–{high:.2f} |")
            text.append("")
        others = [name for name in info if name not in ("seconds", "amount", "unit")]
        text += [f"- {name}: {info[name]}" for name in others]
    return "\n".join(text)


if __name__ == "__main__":
    import sys

    sys.stdout.write(tables(Path(sys.argv[1])) + "\n")
