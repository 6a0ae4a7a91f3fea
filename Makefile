# Everything is one word away; each target sets up what it needs in .venv first.
# The first of these that there is; another: make PYTHON=/path/to/python3.13
PYTHON ?= $(shell command -v python3.13 || command -v python3.12 || command -v python3.11 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.tidegate-ready

.PHONY: demo test lint format bench clean

demo: $(STAMP)  ## the tutorial as a page, and a forecast of a real file as a picture
	@mkdir -p out
	$(BIN)/tidegate demo -o out/demo.html
	$(BIN)/tidegate forecast examples/airline_passengers.csv --horizon 24 -o out/airline.csv --plot out/airline.html
	@echo "Look at out/demo.html and out/airline.html"

test: lint  ## what CI runs: lint, types, tests, the README's examples
	$(BIN)/python -m pytest

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## start-up and training step; DATA=folder adds the accuracy of the shipped weights
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/training_step.py
	$(if $(DATA),$(BIN)/python benchmarks/zero_shot.py --data $(DATA))

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tidegate needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) out dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
