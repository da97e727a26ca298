"""Atalaia, a watch over extreme weather.

The rooms, in the order in which data passes through them: `sources` fetch and decode,
`homes` keep, `detect` detects and tells, `batch` archives and refines, `serving` answers.
All of them meet in `domain`, which is pure; `app` is the one place where they are put together.
"""

import zoneinfo

# One set of rules for every clock, whatever the machine has: those of the package tzdata.
zoneinfo.reset_tzpath(to=())

__version__ = "0.1.0"
