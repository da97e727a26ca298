"""Pure: no I/O, no clock, no environment. Reads top to bottom as the story of an alert.

`place` → `variable` → `payload` → `reading` → `hazard` → `rule` → `incident` → `alert` → `words`.
"""
