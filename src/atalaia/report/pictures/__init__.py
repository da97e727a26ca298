"""The pictures of a report, as SVG: one a file, each a function from plain data to markup."""
