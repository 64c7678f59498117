"""How the models come to be. `python -m train COMMAND --help`."""
