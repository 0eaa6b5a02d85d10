"""Pure functions of records: selection, racing, comparisons, response curves. They read and write no file."""
