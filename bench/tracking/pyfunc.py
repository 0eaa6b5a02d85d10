"""The classifier as MLflow serves it. MLflow stores this file with the model, in place of a pickle."""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd


class ServedClassifier(mlflow.pyfunc.PythonModel):
    """Classifies uint8 patches of shape (N, H, H, 3); returns a table of `label` and the probability of each class."""

    def load_context(self, context: Any) -> None:
        """Read the classifier from the artifacts of the model."""
        from cellbench.classification.classifier import Classifier

        self._classifier = Classifier.load(Path(context.artifacts["classifier"]))

    def predict(self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return a table with one row per patch: `label`, then the probability of each class in 0–1."""
        probabilities = self._classifier.probabilities(np.asarray(model_input))
        table = pd.DataFrame(probabilities, columns=list(self._classifier.classes))
        table.insert(0, "label", [self._classifier.classes[code] for code in probabilities.argmax(axis=1)])
        return table


mlflow.models.set_model(ServedClassifier())
