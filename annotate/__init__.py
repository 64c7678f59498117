"""People's boxes and words: schema, store, agreement, export."""
