PYTHON ?= python3.11
BIN := .venv/bin
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal
CHAPTERS := book/intro.md $(wildcard book/[0-9]*.md) book/reproduction.md book/template.md

.PHONY: book book-offline test test-browser notebooks benchmark lint clean repository

book: .venv/book  ## Build _build/html/index.html from the stored outputs; warnings are errors
	$(BIN)/jupyter-book build . -n -W --keep-going

book-offline: book  ## Copy the book to _build/offline, which opens without a network (making it needs one, and npm)
	$(BIN)/python tools/make_offline.py

test: .venv/test  ## Test the package, then run every chapter again and compare its outputs
	$(PYTEST)
	$(PYTEST) --nbval book/ --dist loadscope

test-browser: .venv/test book-offline  ## Use every page in Chromium, online and offline
	$(PYTEST) -m browser

notebooks: .venv/test  ## Run every chapter, or those in CHAPTERS=..., and store the outputs
	$(BIN)/python tools/run_notebooks.py $(CHAPTERS)

benchmark: .venv/test book  ## Measure how fast everything is, and print the tables of benchmarks/README.md
	$(BIN)/python -m pytest benchmarks/bench_*.py -q --benchmark-quiet --benchmark-json=_build/benchmark.json
	$(BIN)/python benchmarks/table.py _build/benchmark.json

lint: .venv/test  ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

repository: .venv/book  ## Set the address of the repository everywhere: make repository URL=https://github.com/you/your-book
	$(BIN)/python tools/set_repository.py $(URL)

clean:  ## Remove what was built, but not the environment
	rm -rf _build .pytest_cache .ruff_cache .hypothesis *.egg-info

# One environment.  `make book` installs what builds the pages, without torch; everything else installs the rest.
.venv/book: requirements-book.txt constraints.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q -r requirements-book.txt
	touch $@

.venv/test: requirements.txt requirements-book.txt constraints.txt pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/pip install -q -r requirements.txt
	touch $@ .venv/book
