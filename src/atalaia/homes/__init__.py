"""Where the program lives. `ports` says what a home must offer; each home fills it."""
