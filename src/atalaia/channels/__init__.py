"""The ways to reach people: one small file a channel, each with one table of outcomes.

A `Letter` goes in, an `Outcome` comes out, and nothing is raised for what a provider or a network
can do. A channel keeps nothing: pacing, tries and their schedule are the sender's.
"""
