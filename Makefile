# Everything that a checkout needs. `make search` and `make test` need nothing but Python 3.11 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
EXTRAS ?= dev
ARGS ?=
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install search test check docs audit mutants format perf ui server clean

help: ## Show these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# pip compiles every installed module, one after another. Instead, the import below compiles those that a search uses.
LIBRARIES := matplotlib.pyplot, mlflow.pyfunc, optuna, pandas, pyarrow.parquet, ray.tune, scipy.stats, sklearn.linear_model, \
	timm, torch._dynamo, torchmetrics.image, torchvision.transforms.v2
$(INSTALLED): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit("cellbench needs Python 3.11 or newer, for example: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV). The first installation takes some minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -W ignore -c 'import $(LIBRARIES)'
	@touch $@

install: $(INSTALLED) ## Install everything into .venv

search: $(INSTALLED) ## Search with an encoder that sees the cell alone, on built-in data; ARGS='--trials 12' adds options
	$(BIN)/python -m bench.search --method hide $(ARGS)

test: $(INSTALLED) ## Run the fast tests; SLOW=1 adds the slow ones, SLOW=2 all; WORKERS=0 runs them in one process
	$(BIN)/python -m pytest -p no:benchmark -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(if $(filter 1,$(SLOW)),-m 'not long') $(if $(filter 2,$(SLOW)),-m 'long or not long') $(ARGS)

check: $(INSTALLED) ## Check formatting, lint, imports and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

docs: $(INSTALLED) ## Build the documentation site in site/
	@$(BIN)/python -c 'import material, mkdocstrings' 2> /dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS),docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)

audit: ## Check the packages of constraints.txt for known vulnerabilities
	@test -x $(VENV)-audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)-audit && $(VENV)-audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.9,<3'; }
	$(VENV)-audit/bin/python .ci/audit.py $(AUDIT)

mutants: $(INSTALLED) ## Change one expression at a time and list what no test notices; takes an hour. ARGS='--number 10'
	$(BIN)/python .ci/mutants.py $(ARGS)

format: $(INSTALLED) ## Format the code and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

perf: $(INSTALLED) ## Measure speed beside peers for docs/performance.md; takes 20 minutes
	@$(BIN)/python -c 'import pythae' 2> /dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS),perf]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest bench/perf -W ignore --benchmark-json=perf.json
	$(BIN)/python -m bench.perf.beside perf.json

ui: $(INSTALLED) ## Open the MLflow user interface on this machine
	$(BIN)/python -m bench.ui $(ARGS)

server: $(INSTALLED) ## Start a tracking server for a team; mlflow/README.md explains it
	@$(BIN)/python -c 'import flask_wtf, psycopg2' 2> /dev/null || $(MAKE) --always-make install EXTRAS=dev,server
	PYTHON=$(abspath $(BIN))/python mlflow/serve

clean: ## Remove .venv, caches and the built site; data sets and searches stay
	rm -rf $(VENV) $(VENV)-audit .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist site
