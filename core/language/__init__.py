"""Words, vocabularies and word vectors (section 3.1.2)."""
