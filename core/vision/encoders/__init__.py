"""Region encoders: a file for each kind."""
