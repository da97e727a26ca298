"""From the alert log to a person's phone: who is told, what, how fast, and what became of it."""
