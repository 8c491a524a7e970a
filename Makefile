# The newest Python from 3.11 to 3.13 that runs makes .venv; a PYTHON=... of yours has an environment of its own.
ifeq ($(origin PYTHON), undefined)
SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
FOUND = $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
  $$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)
PYTHON = $(or $(FOUND),$(error No Python from 3.11 to 3.13 found: install one, or say where it is by PYTHON=/path/to/python))
VENV := .venv
else
VERSION := $(shell "$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV := .venv-$(or $(VERSION),$(error PYTHON = $(PYTHON) does not run))
endif
BIN := $(VENV)/bin
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal
CHAPTERS := book/intro.md $(wildcard book/[0-9]*.md) book/in_practice.md book/reproduction.md book/template.md

.PHONY: book book-offline test test-browser notebooks benchmark mutants lint clean repository

book: $(VENV)/book  ## Build _build/html/index.html from the stored outputs; warnings are errors
	$(BIN)/jupyter-book build . -n -W --keep-going

book-offline: book  ## Copy the book to _build/offline, to be read from a disk
	$(BIN)/python tools/make_offline.py

test: $(VENV)/test  ## Test the package, then run every chapter again and compare its outputs
	$(PYTEST)
	$(PYTEST) --nbval book/ --dist loadscope

test-browser: $(VENV)/test book-offline  ## Use every page in Chromium, online and offline
	$(PYTEST) -m browser

notebooks: $(VENV)/test  ## Run every chapter, or those in CHAPTERS=..., and store the outputs
	$(BIN)/python tools/run_notebooks.py $(CHAPTERS)

benchmark: $(VENV)/test book  ## Measure how fast everything is, and print the tables of benchmarks/README.md
	$(BIN)/python -m pytest benchmarks/bench_*.py -q --benchmark-quiet --benchmark-json=_build/benchmark.json
	$(BIN)/python benchmarks/table.py _build/benchmark.json
	$(BIN)/python benchmarks/pages.py
	$(BIN)/python benchmarks/processes.py

mutants: $(VENV)/test  ## Break the package in 65 places, and see that tests fail
	$(BIN)/python tools/mutants.py

lint: $(VENV)/test  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

repository: $(VENV)/book  ## Set the address of the repository everywhere: make repository URL=https://github.com/you/your-book
	$(BIN)/python tools/set_repository.py $(URL)
	$(BIN)/python tools/readable.py

clean:  ## Remove what was built, but not the environment
	rm -rf _build .pytest_cache .ruff_cache .hypothesis *.egg-info

# `make book` installs what builds the pages, without torch; everything else installs the rest.
$(BIN)/python:
	"$(PYTHON)" -m venv $(VENV)

$(VENV)/book: requirements-book.txt constraints.txt | $(BIN)/python
	$(BIN)/pip install -q -r requirements-book.txt
	touch $@

$(VENV)/test: requirements.txt requirements-book.txt constraints.txt pyproject.toml | $(BIN)/python
	$(BIN)/pip install -q -r requirements.txt
	touch $@ $(VENV)/book
