"""Pure functions of records: selection, racing, response curves. They read and write no file."""
