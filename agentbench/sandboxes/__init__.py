"""Where agents run: one file per kind of isolation."""
