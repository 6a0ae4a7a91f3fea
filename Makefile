# Everything is one word away; each target sets up what it needs in .venv first.
# The first Python that is new enough; another one: make PYTHON=/path/to/python3.12
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$name -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.tidegate-ready
BROWSER := tests/browser/node_modules/.ready

.PHONY: demo test lint format bench clean

demo: $(STAMP)  ## the tutorial as a page, and a forecast of a real file as a picture
	@mkdir -p out
	$(BIN)/tidegate demo -o out/demo.html
	$(BIN)/tidegate forecast examples/airline_passengers.csv --horizon 24 -o out/airline.csv --plot out/airline.html
	@echo "Look at out/demo.html and out/airline.html"

test: lint $(BROWSER)  ## what CI runs: lint, types, tests, the README's examples
	$(BIN)/python -m pytest -n auto --maxprocesses 4

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## start-up, throughput, training step; DATA=folder adds the accuracy of the shipped weights
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/training_step.py
	$(if $(DATA),$(BIN)/python benchmarks/zero_shot.py --data $(DATA))

$(STAMP): pyproject.toml constraints.txt
	@$(or $(PYTHON),false) -c '$(NEW_ENOUGH)' || { echo "Tidegate needs Python 3.11 or newer: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "This Python cannot make a virtual environment: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

# What web pages run models with, for one test, which is skipped without it unless TIDEGATE_REQUIRE_BROWSER=1.
$(BROWSER): tests/browser/package-lock.json
	@cd tests/browser && npm ci --silent && touch node_modules/.ready || echo "no npm, or no network: no model in a browser"

clean:
	rm -rf $(VENV) out dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/browser/node_modules
