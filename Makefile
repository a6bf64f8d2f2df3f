# CI runs only these recipes, so what passes here passes there.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PY := .venv/bin/python
# The interpreter for the setup: the environment's own, otherwise the newest working Python on PATH or from pyenv.
PYENV := "$$HOME"/.pyenv/versions
FIND_PYTHON = works() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }; \
	for python in $(PY) python3.13 $(PYENV)/3.13.*/bin/python python3.12 $(PYENV)/3.12.*/bin/python \
		python3.11 $(PYENV)/3.11.*/bin/python python3; do \
		if works "$$python"; then break; fi; python=; \
	done; \
	if [ -z "$$python" ]; then echo "Python 3.11 or newer is needed and was not found." >&2; exit 1; fi

.PHONY: help setup setup-tests run sandbox test test-long lint format types bench prove examples vendor demo lock clean

help: ## List the recipes.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## Create .venv and install what running needs; fast if nothing changed.
	@$(FIND_PYTHON); "$$python" bootstrap.py run

setup-tests: ## The same for tests and checks, with a browser and developer tools.
	@$(FIND_PYTHON); "$$python" bootstrap.py test

run: setup ## Start everything: database, migrations, demo company, server, worker. ARGS="--port 8001" changes the port.
	@exec $(PY) -m tasks.supervise $(ARGS)

sandbox: setup-tests ## The same with fake vendors: pay, buy a label and read a text without any account.
	@exec $(PY) -m tasks.sandbox $(ARGS)

# The small proofs start and kill their own servers; the walks open every page at every width.
LONG := tests/proofs tests/browser/test_pages_of_the_desks.py tests/browser/test_pages_of_the_office.py \
	tests/portal/test_without_script_by_role.py
# Two workers, each with its own databases.
WORKERS ?= 2
test: setup-tests ## Run the tests; T=tests/models selects some.
	@if [ -n "$(T)" ]; then exec $(PY) -m pytest $(T); fi; \
	exec $(PY) -m pytest -n $(WORKERS) --dist loadfile $(addprefix --ignore=,$(LONG)) tests

test-long: setup-tests ## Run the small proofs (races, kills, restarts) and the walks of every page.
	@exec $(PY) -m pytest $(LONG)

lint: setup-tests ## Check the style of Python and templates.
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@if [ -d templates ]; then $(PY) -m djlint --lint --quiet templates; fi

format: setup-tests ## Format the Python files.
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

types: setup-tests ## Check the types.
	@$(PY) -m mypy .

bench: setup-tests ## Run the benchmarks and print the ratios.
	@$(PY) -m bench $(NAME)

prove: setup-tests ## Run the full-size proofs, all or NAME=oversell, and print their figures.
	@$(PY) -m proofs $(NAME)

examples: setup-tests ## Refresh the examples of /openapi.json from the demo company.
	@$(PY) -m tests.examples

vendor: setup ## Fetch the pinned front-end files again and check their hashes.
	@$(PY) scripts/vendor.py

demo: setup ## Load the demo company into an empty database; ARGS="--orders 1000000" makes it bigger.
	@$(PY) run.py demo $(ARGS)

lock: ## Regenerate requirements/*.txt from pyproject.toml; UPGRADE=--upgrade allows newer versions. Needs uv.
	uv pip compile pyproject.toml -o requirements/run.txt $(LOCK_FLAGS) $(UPGRADE)
	uv pip compile pyproject.toml --extra dev -c requirements/run.txt -o requirements/dev.txt $(LOCK_FLAGS) $(UPGRADE)
	uv pip compile requirements/generator.in -o requirements/generator.txt --no-deps $(LOCK_FLAGS) $(UPGRADE)

LOCK_FLAGS := --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" --quiet

clean: ## Remove what the setup created; the database under var/ stays.
	rm -rf .venv .setup.lock .mypy_cache .ruff_cache .pytest_cache
