"""Decide when to poll what is watched, and read what changed. Arithmetic only."""
