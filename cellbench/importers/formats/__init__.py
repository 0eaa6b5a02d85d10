"""One file for each outside format; the name of the file is the name of the format.

A new file in this folder is imported by `cellbench.importers`, without an edit.
"""
