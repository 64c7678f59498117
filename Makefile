# Two commands do everything: `make demo` and `make test`. Both make the environment first.
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/installed

.PHONY: demo test check clean

demo: $(STAMP)
	$(BIN)/python -m demo $(ARGS)

test: $(STAMP) check
	$(BIN)/python -m pytest $(ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy

$(STAMP): requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "This needs Python 3.11, as '$(PYTHON)'; name another with make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $(STAMP)

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
