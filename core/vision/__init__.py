"""Photos, boxes, regions, and the networks that turn one into the other (section 3.1.1)."""
