"""Grounding sets: photos, sentences and how they align, computed once to be browsed."""
