"""The web page: a few files of our own, from memory."""
