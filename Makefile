# Two commands do everything on a fresh machine: make serve, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 4000
DATA_DIR ?=
# Tests spend half their time waiting for daemons and databases to start: two at a time on two cores.
PYTEST_ARGS ?= -n 2 --dist worksteal
SERVE_ARGS := --port $(PORT) $(if $(DATA_DIR),--data-dir "$(DATA_DIR)")

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev serve test check bench clean

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/.installed ## Virtual environment and the program, into .venv
setup-dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml constraints.txt bin/make-venv
	@[ -e $@ ] || echo "installing into $(VENV), this takes about a minute the first time"
	@bin/make-venv "$(PYTHON)" "$(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

serve: setup ## Run the daemon on the embedded database (PORT=4000 DATA_DIR=...)
	@exec $(BIN)/viral-engine serve $(SERVE_ARGS)

test: setup-dev ## Install what the tests need, the browser included, and run every test
	@bin/find-browser
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: setup-dev ## Lint, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup-dev ## Measure; writes bench/results.json
	@$(BIN)/python -m bench

clean: ## Remove what make made
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .import_linter_cache
