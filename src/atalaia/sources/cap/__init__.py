"""Official warnings as services publish them → `domain.official`, word for word.

Payload → `decoder` → detection. Read are CAP 1.0 to 1.2 (alone, or within Atom or RSS) and the
indexes themselves, which lead to CAP messages (`document`), INMET's RSS items (`inmet_items`), and
the GeoJSON of the US National Weather Service (`geojson`). XML comes from strangers: no document
type, no entity and no network is let in (`tree`), and everything is bounded.

Passed over without a word is what is not for the public: other statuses than Actual, other scopes
than Public, acknowledgements and errors. What was meant for the public and cannot be used is told,
each with its reason: one bad field (`fields`) costs itself, and at most its warning (`found`).
"""
