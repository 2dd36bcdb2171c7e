# Needs Python 3.11 or later and make; everything else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

PARALLEL := -n auto --maxprocesses 8 --dist worksteal

.PHONY: demo check test lint docs bench ui clean

demo: $(VENV)/.installed ## Run the default experiment, all six stages
	$(BIN)/python -m wsss.pipelines

check: $(VENV)/.installed ## Run the fast tests, in less than two minutes
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow"

test: $(VENV)/.installed ## Run all tests
	$(BIN)/python -m pytest $(PARALLEL)

lint: $(VENV)/.installed docs ## Lint, format, floors, types and the site
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

docs: $(VENV)/.installed ## Build the site into site/; any warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

bench: $(VENV)/.installed ## Measure speed and memory, into benchmarks/results
	$(BIN)/python -m benchmarks

ui: $(VENV)/.installed ## Open the tracking pages at http://127.0.0.1:5000
	$(BIN)/mlflow ui --backend-store-uri sqlite:///outputs/mlflow.db

clean: ## Remove the environment and everything that runs wrote
	rm -rf $(VENV) site
	find outputs -mindepth 1 ! -name README.md -delete

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	touch $@
