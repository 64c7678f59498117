"""The linked viewer: photo, sentence, heatmap and table of one alignment, lit together."""
