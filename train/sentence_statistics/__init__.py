"""Captions by the million, counted as a stream."""
