"""The tables and figures of docs/results, each from one command."""
