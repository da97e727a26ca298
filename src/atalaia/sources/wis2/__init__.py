"""WIS2, the WMO's live exchange: notifications of what every country's stations have measured.

`notification` reads the message that a broker passes on, `content` takes out of it the data that
it carries, `decoder` makes rows of stations of both.
"""
