"""Draw the share of each kind of operation in the time of a training on the CPU, by torch's profiler.

python -m bench.perf.profile docs/performance.png
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile, record_function

from cellbench.training.configuration import Configuration, TrainingSettings
from cellbench.training.trainer import Trainer

N, SIZE, BATCH_SIZE, EPOCHS = 640, 32, 32, 3
READING = "reading and flipping patches"
PYTHON = "Python between the operations"
OTHER = "other operations"
GROUPS = {
    "convolution_backward": "convolutions, backward",
    "mkldnn_convolution": "convolutions, forward",
    "_convolution": "convolutions, forward",
    "convolution": "convolutions, forward",
    "mm": "matrix products (small maps, projections)",
    "addmm": "matrix products (small maps, projections)",
    "native_batch_norm": "batch normalisation",
    "NativeBatchNorm": "batch normalisation",
    "_fused_adam_": "Adam",
    "upsample_bilinear2d": "bilinear upsampling",
    "copy_": "copies and layouts",
    "cat": "copies and layouts",
    "empty": "memory allocation and filling",
    "fill_": "memory allocation and filling",
    "zero_": "memory allocation and filling",
    "threshold_backward": "activations",
    "clamp_min": "activations",
    "max_pool2d": "pooling",
    "mul": "sums and products",
    "add_": "sums and products",
    "sum": "sums and products",
}
"""Kind of each operation of torch by the prefix of its name. The longest matching prefix counts."""


def profiled() -> dict[str, float]:
    """Return the share of each kind of operation in the time of an epoch, in descending order."""
    torch.set_num_threads(1)
    trainer = _trainer()
    trainer.run_epoch()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        seconds = sum(N / trainer.run_epoch()["speed/patches_per_s"] for _ in range(EPOCHS))
    kind_seconds: defaultdict[str, float] = defaultdict(float)
    for event in found.events():
        kind_seconds[_kind(event)] += event.self_cpu_time_total / 1e6
    kind_seconds[PYTHON] = max(0.0, seconds - sum(kind_seconds.values()))
    largest_first = sorted(kind_seconds, key=lambda kind: -kind_seconds[kind])
    return {kind: kind_seconds[kind] / seconds for kind in largest_first}


def _trainer() -> Trainer:
    patches = np.random.default_rng(0).integers(0, 255, (N, SIZE, SIZE, 3), dtype=np.uint8)
    settings = TrainingSettings(epochs=1000, network_size=SIZE, batch_size=BATCH_SIZE)
    configuration = Configuration(method="mask_fixed", params={"r_max": SIZE / 3}, latent_dim=256)
    trainer = Trainer(configuration, settings, patches, np.arange(N), SIZE, 0, torch.device("cpu"))
    batches = trainer._batches

    def named(generator: torch.Generator) -> Iterator[Tensor]:
        each = batches(generator)
        while True:
            with record_function(READING):
                batch = next(each, None)
            if batch is None:
                return
            yield batch

    setattr(trainer, "_batches", named)  # noqa: B010 - mypy refuses the assignment to a method
    return trainer


def _kind(event: torch.autograd.profiler_util.FunctionEvent) -> str:
    above: torch.autograd.profiler_util.FunctionEvent | None = event
    while above is not None:
        if above.name == READING:
            return READING
        above = above.cpu_parent
    name = event.name.removeprefix("aten::")
    beginnings = [beginning for beginning in GROUPS if name.startswith(beginning)]
    return GROUPS[max(beginnings, key=len)] if beginnings else OTHER


def draw(shares: dict[str, float], path: Path) -> None:
    """Draw a bar for each kind of operation and write the PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.34 * len(shares) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    kinds = list(shares)[::-1]
    ours = {READING, PYTHON}
    bars = axes.barh(kinds, [100 * shares[kind] for kind in kinds], color=["C1" if k in ours else "C0" for k in kinds])
    axes.bar_label(bars, fmt="%.1f %%", padding=3)
    axes.set_xlabel("share of an epoch's time, %")
    figure.suptitle(f"mask_fixed, ResNet-18 at {SIZE} px, batch {BATCH_SIZE}, one CPU thread", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    found = profiled()
    draw(found, Path(sys.argv[1]))
    sys.stdout.write("".join(f"{100 * share:5.1f} %  {kind}\n" for kind, share in found.items()))
