# Everything a checkout needs. `make search` and `make test` start from nothing but Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
EXTRAS ?= dev

.DEFAULT_GOAL := help
.PHONY: help install search test check audit format perf ui server clean

help: ## Show these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(INSTALLED): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit("cellbench needs Python 3.11 or newer; try make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV); the first time takes some minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

install: $(INSTALLED) ## Make .venv with everything in it

search: $(INSTALLED) ## Search the radius of a fixed mask on the built-in data set
	$(BIN)/python -m bench.search --method mask_fixed

test: $(INSTALLED) ## Run the fast tests; SLOW=1 runs the slow ones too, SLOW=2 all
	$(BIN)/python -m pytest $(if $(filter 1,$(SLOW)),-m 'not long') $(if $(filter 2,$(SLOW)),-m 'long or not long')

check: $(INSTALLED) ## Formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

audit: ## Look up known vulnerabilities of the packages in constraints.txt; a note where no list answers
	@test -x $(VENV)-audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)-audit && $(VENV)-audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.9,<3'; }
	$(VENV)-audit/bin/python .ci/audit.py $(AUDIT)

format: $(INSTALLED) ## Format and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

perf: $(INSTALLED) ## Measure speed beside peers, for docs/performance.md (twenty minutes)
	@$(BIN)/python -c 'import pythae' 2> /dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS),perf]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest bench/perf -W ignore --benchmark-json=perf.json
	$(BIN)/python -m bench.perf.beside perf.json

ui: $(INSTALLED) ## Open MLflow's pages on this machine
	$(BIN)/python -m bench.ui

server: $(INSTALLED) ## Start a tracking server for a team; mlflow/README.md says how to use it
	@$(BIN)/python -c 'import flask_wtf, psycopg2' 2> /dev/null || $(MAKE) --always-make install EXTRAS=dev,server
	PYTHON=$(abspath $(BIN))/python mlflow/serve

clean: ## Remove .venv and caches; data sets and searches stay
	rm -rf $(VENV) $(VENV)-audit .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
