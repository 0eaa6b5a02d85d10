"""The only package that imports MLflow: the runs of a search, and the registry of classifiers."""
