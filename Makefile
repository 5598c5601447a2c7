# make demo: install and see the main job on real data.  make test: install and pass the tests.
PYTHON ?= python3
VENV ?= .venv
BENCH ?= .venv-bench
OLDEST ?= .venv-oldest
ENGINES ?= .venv-engines
BROWSER ?= .venv-browser
PYTEST_ARGS ?=
BENCH_ARGS ?=

.PHONY: demo test test-slow test-peers test-engines test-browser test-oldest lint bench clean

$(VENV)/.demo: pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q -c constraints.txt -e ".[plot]"
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

$(OLDEST)/.oldest: pyproject.toml .ci/constraints-oldest.txt
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install -q -c .ci/constraints-oldest.txt -e ".[test]"
	touch $@

demo: $(VENV)/.demo
	$(VENV)/bin/python docs/examples/adult.py

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

bench: $(BENCH)/.bench
	$(BENCH)/bin/python benchmarks/speed.py --report build/speed.md
	OMP_NUM_THREADS=1 $(BENCH)/bin/python benchmarks/quality.py --report build/benchmarks.md $(BENCH_ARGS)

clean:
	rm -rf $(VENV) $(BENCH) $(ENGINES) $(BROWSER) $(OLDEST) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
