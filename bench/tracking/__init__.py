"""The only room that imports MLflow: what a search leaves there, and the registry of classifiers."""
