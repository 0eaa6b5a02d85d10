"""An example of a package that adds a suppression and an importer to cellbench."""
