"""The past lived through again, by the same path as the present."""
