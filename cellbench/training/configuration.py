"""Configurations (a method with its hyperparameters), and the settings that all trials of a search share."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

DEFAULT_BETA = 0.008
"""Default weight of the KL term; the paper states none."""

DEFAULT_PROBE = "kernel_ridge"
"""Probe of a new search. Older requests name none and have the paper's, the default of `TrainingSettings`."""

Schedule = Literal["cosine", "constant"]
Views = Literal[1, 2, 4, 8]
Precision = Literal["auto", "float32", "bfloat16"]
Augment = Literal["flips,turns", "flips", "turns", "none"]
Representation = Literal["mean", "sample"]


class Configuration(BaseModel):
    """What a search varies: a method, its hyperparameters (lengths in native px), lr, beta and latent_dim."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: str
    params: dict[str, float | bool | str] = Field(default_factory=dict)
    lr: float = Field(1e-3, gt=0, description="peak learning rate of Adam")
    beta: float | Literal["elbo"] = Field(
        DEFAULT_BETA,
        description="weight of the KL term, mean over units; `elbo` sums L1 and KL over the whole patch",
    )
    latent_dim: int = Field(256, gt=0, description="number of latent units")

    @property
    def id(self) -> str:
        """The configuration's short hash: ten hexadecimal digits."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    def flat(self) -> dict[str, Any]:
        """Return all hyperparameters by their search-space names."""
        return {**self.params, "lr": self.lr, "beta": self.beta, "latent_dim": self.latent_dim}


class TrainingSettings(BaseModel):
    """Settings that all trials of a search share.

    The default of a field that is added later is what was done before, so that older requests and results keep their
    meaning.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    epochs: int = Field(8, ge=1, le=100_000, description="passes over the training patches")
    batch_size: int = Field(64, ge=2, le=65_536, description="patches per step")
    network_size: int = Field(32, ge=8, le=4096, description="side in px that patches are resized to")
    encoder: str = Field("resnet18", description="timm network")
    encoder_weights: Path | None = Field(None, description="local safetensors file of encoder weights")
    schedule: Schedule = Field("cosine", description="course of the learning rate")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps over which the learning rate rises")
    kl_warmup: float = Field(0.0, ge=0, le=1, description="share of the steps over which beta rises from 0")
    grad_clip: float | None = Field(None, ge=1e-6, le=1e6, description="largest norm of the gradient")
    augment: Augment = Field("flips,turns", description="random symmetries of a patch in training")
    stain_jitter: float = Field(
        0.0, ge=0, le=1, description="standard deviation of the optical density's gain per channel"
    )
    views: Views = Field(
        8, description="symmetries of the square that an embedding is the mean of; 1 is μ of the patch as it lies"
    )
    representation: Representation = Field(
        "mean", description="what is embedded: mean is μ; sample is one draw of z, with the seed of the training"
    )
    probe: str = Field("paper", description="probe that scores representations")
    precision: Precision = Field("auto", description="auto: bfloat16 on CUDA only")
    compile: bool = Field(False, description="use torch.compile")
    threads: int | None = Field(None, gt=0, description="CPU threads per trial")

    @model_validator(mode="before")
    @classmethod
    def _from_older(cls, values: Any) -> Any:
        """Read the flag `quarter_turns` of requests and results that were written before `augment` existed."""
        if isinstance(values, dict) and "quarter_turns" in values:
            older = {name: value for name, value in values.items() if name != "quarter_turns"}
            return {"augment": "flips,turns" if values["quarter_turns"] else "flips", **older}
        return values
