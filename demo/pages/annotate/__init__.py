"""The Annotate page: drawing and typing for annotators, review and files for owners."""
