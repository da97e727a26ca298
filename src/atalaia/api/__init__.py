"""What programs ask over HTTP: resources, feeds, events; and how often, and with which key."""
