"""Implicit neural representations: a signal held as a function of coordinates."""
