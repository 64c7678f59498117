"""What things cost, beside named peers: `python -m train bench`."""
