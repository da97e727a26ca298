"""WIS2, the WMO's live exchange: notifications of what every country's stations have measured.

`notification` reads the message that a broker passes on, `content` takes out of it the data that
it carries, `decoder` makes rows of stations, or warnings, of both. `centres` says which topics to
listen to, `intake` what of the messages is new, and `download` fetches data that lie elsewhere.
"""
