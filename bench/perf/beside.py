"""Times several ways of doing the same in turn, so that whatever disturbs the machine disturbs all of them."""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np


def beside(benchmark: Any, ways: Mapping[str, Callable[[], None]], amount: float, unit: str, rounds: int = 5) -> None:
    """Run all ways once to warm up, then in each round once each in a drawn order; keep the seconds of each.

    Args:
        benchmark: pytest-benchmark's fixture; its JSON keeps what is found under `extra_info`.
        ways: What is compared, by name; ratios are to the first.
        amount: How much of `unit` one call does.
        unit: What is counted, for people: patches, say.
        rounds: Rounds after the first.
    """
    for way in ways.values():
        way()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    order = np.random.default_rng(0)

    def one_round() -> None:
        for name in order.permutation(list(ways)):
            start = time.perf_counter()
            ways[name]()
            seconds[name].append(time.perf_counter() - start)

    benchmark.pedantic(one_round, rounds=rounds, iterations=1)
    benchmark.extra_info.update({"amount": amount, "unit": unit, "seconds": seconds})


def rows(entry: Mapping[str, Any]) -> list[tuple[str, float, float, float, float]]:
    """Return name, rate a second, and the median, smallest and largest ratio of rates to the first way's, per round."""
    info = entry["extra_info"]
    first = next(iter(info["seconds"].values()))
    found = []
    for name, taken in info["seconds"].items():
        ratios = [a / b for a, b in zip(first, taken, strict=True)]
        rate = info["amount"] / statistics.median(taken)
        found.append((name, rate, statistics.median(ratios), min(ratios), max(ratios)))
    return found


def tables(path: Path) -> str:
    """Return the results of a run, pytest-benchmark's JSON, as Markdown."""
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
