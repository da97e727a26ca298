"""METAR and SPECI, the reports of the world's aerodromes: text → readings of stations.

`report` knows the grammar, `decoder` the payloads that carry reports.
"""
