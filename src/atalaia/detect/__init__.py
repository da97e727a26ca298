"""From a payload in the stream to an entry of the alert log, in seconds.

`check` marks what cannot be trusted → `measure` makes sums, means and changes → `detect` holds
them against the rules → `incidents` keeps each hazard's life → `blindness` notices silence.
`watch` runs them over a batch and hands the home one commit. All of it works on columns, and
the same rows give the same entries however they are cut into batches.
"""
