"""One file per outside format; each registers its importer by name."""
