"""What captioners learn from, and how their sentences are judged."""
