"""Answers from both layers at once: SQL here, the API beside it."""
