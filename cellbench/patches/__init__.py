"""Data sets on disk: patches with labels, groups and roles; reading, writing, checking and splitting them."""

from cellbench.patches.border import cut_patch
from cellbench.patches.card import Card
from cellbench.patches.fingerprint import DataGuard, check_unchanged
from cellbench.patches.folds import pool_folds, probe_folds
from cellbench.patches.patchset import PatchSet
from cellbench.patches.roles import draw_roles
from cellbench.patches.write import PatchWriter, write_patch_set

__all__ = [
    "Card",
    "DataGuard",
    "PatchSet",
    "PatchWriter",
    "check_unchanged",
    "cut_patch",
    "draw_roles",
    "pool_folds",
    "probe_folds",
    "write_patch_set",
]
