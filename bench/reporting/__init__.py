"""Prints, draws and writes pages; decides nothing."""
