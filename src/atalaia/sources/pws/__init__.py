"""Stations that people own, as they come out of the box: what they push → readings of stations.

`form` takes secrets out and reads fields, `fields` knows each dialect's names and units, `rain`
makes rain of counters, `decoder` puts them together; `mapped` reads JSON as its owner says.
"""
