# make demo: install and see the main job on real data.  make test: install and pass the tests.
PYTHON ?= python3
VENV ?= .venv
BENCH ?= .venv-bench
OLDEST ?= .venv-oldest
ENGINES ?= .venv-engines
BROWSER ?= .venv-browser
DOCS ?= .venv-docs
PYTEST_ARGS ?=
BENCH_ARGS ?= --skip LearnedFair

.PHONY: demo test test-slow test-peers test-engines test-browser test-oldest lint bench speed docs clean

$(VENV)/.demo: pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q -c constraints.txt -e ".[progress,report]"
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q -c constraints.txt torch==2.13.0 -e ".[test,nn,explain]"
	touch $@

$(VENV)/.lint: pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q -c constraints.txt -e ".[lint]"
	touch $@

$(BENCH)/.bench: pyproject.toml constraints.txt
	test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install -q -c constraints.txt torch==2.13.0 -e ".[bench,nn]"
	touch $@

$(ENGINES)/.engines: pyproject.toml constraints.txt
	test -x $(ENGINES)/bin/python || $(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/python -m pip install -q -c constraints.txt -e ".[engines]"
	touch $@

$(BROWSER)/.browser: pyproject.toml constraints.txt
	test -x $(BROWSER)/bin/python || $(PYTHON) -m venv $(BROWSER)
	$(BROWSER)/bin/python -m pip install -q -c constraints.txt -e ".[browser]"
	command -v chromium || apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core fonts-noto-color-emoji
	touch $@

$(DOCS)/.docs: pyproject.toml constraints.txt
	test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install -q -c constraints.txt torch==2.13.0 -e ".[docs]"
	touch $@

$(OLDEST)/.oldest: pyproject.toml .ci/constraints-oldest.txt
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install -q -c .ci/constraints-oldest.txt -e ".[test]"
	touch $@

demo: $(VENV)/.demo
	mkdir -p build
	$(VENV)/bin/skfair audit adult --sensitive sex --sensitive race --html build/adult-labels.html
	$(VENV)/bin/skfair mitigate adult --sensitive sex --drop fnlwgt --bound 0.1 --cv 3 --jobs 2 \
		--try reweighter --try reductions --output build/adult.skops --html build/adult.html
	@echo "open build/adult.html in a browser"

test: $(VENV)/.test
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

test-slow: $(VENV)/.test
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist worksteal -m slow $(PYTEST_ARGS)

test-peers: $(BENCH)/.bench
	OMP_NUM_THREADS=1 $(BENCH)/bin/python -m pytest -n 2 --dist worksteal -m peers tests/peers $(PYTEST_ARGS)

test-engines: $(ENGINES)/.engines
	$(ENGINES)/bin/python -m pytest -m engines tests $(PYTEST_ARGS)

test-browser: $(BROWSER)/.browser
	$(BROWSER)/bin/python -m pytest -m browser tests/reporting $(PYTEST_ARGS)

test-oldest: $(OLDEST)/.oldest
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest -n 2 --dist worksteal tests $(PYTEST_ARGS)

lint: $(VENV)/.lint
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(DOCS)/.docs
	OMP_NUM_THREADS=1 $(DOCS)/bin/sphinx-build -q -W --keep-going -b html docs build/docs
	@echo "see build/docs/index.html"

bench: $(BENCH)/.bench
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/quality.py --peers benchmarks/published \
		--report build/benchmarks.md $(BENCH_ARGS)

speed: $(BENCH)/.bench
	$(BENCH)/bin/python benchmarks/speed.py --report build/speed.md

clean:
	rm -rf docs/api docs/gallery
	rm -rf $(VENV) $(BENCH) $(ENGINES) $(BROWSER) $(DOCS) $(OLDEST) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
