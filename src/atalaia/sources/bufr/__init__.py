"""BUFR, the form in which weather services exchange observations: octets → rows of stations.

`reader` finds messages and reads their elements by `tables`; `observations` makes of them what
each station measured, with the periods that are in force.
"""
