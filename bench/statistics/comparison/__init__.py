"""Compares methods: over folds and seeds of one data set, and over several data sets. Pure functions of scores."""
