"""Helpers that the tests of both clients share. Written by hand, in pairs where the two worlds differ."""
