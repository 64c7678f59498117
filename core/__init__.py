"""What the models are: alignment, decoding, captioning. Knows no web page, database or dataset."""
