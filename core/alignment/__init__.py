"""Regions and words in one space, their scores, and the chain that decodes them (Eq. 1-12)."""
