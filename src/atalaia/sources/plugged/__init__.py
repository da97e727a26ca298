"""Sources that plug-ins bring.

Payloads: source ``plugin:NAME``, content ``places``; the body is one line of JSON, which is the
request's note, and then the answer as it came.
"""

NAME = "plugin"
"""What stands before the colon in the names of plug-ins' sources: ``plugin:my-network``."""

CONTENT = "places"
