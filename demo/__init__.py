"""The web app: pages and their handlers, no maths. `python -m demo --help`."""
