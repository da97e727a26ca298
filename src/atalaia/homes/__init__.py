"""Where the program lives: adapters that fill `atalaia.ports`. `run` and `cli` alone choose one."""
