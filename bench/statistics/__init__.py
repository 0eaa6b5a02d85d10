"""Pure functions of records: selection, racing, response curves. Reads and writes no file."""
