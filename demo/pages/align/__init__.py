"""The Align page."""
