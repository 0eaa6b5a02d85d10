"""Names of the files that a completed trial has in its folder."""

RESULT = "result.json"
CONFIGURATION = "configuration.yaml"
EMBEDDINGS = "embeddings.npz"
RECONSTRUCTIONS = "reconstructions.png"
CONFUSION = "confusion.png"
ENCODER = "encoder.safetensors"
MODEL = "model.json"
