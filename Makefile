# WhyFake from a fresh checkout: everything below builds .venv by itself and then leaves it alone.
#
#   make demo [PORT=7860] [SHARE=1]   open the page; SHARE=1 also prints a public link
#   make test                         style, types, imports and every test, the real browser included
#   make test-fast                    the tests that are neither slow nor in a browser
#   make serve [PORT=7860]            open the page on several replicas, behind Ray Serve
#   make test-scale                   bulk jobs and the served page on Ray while workers, nodes and replicas are killed
#   make lint                         style, types and what may import what
#   make bench                        the ratios against other tools
#   make clean                        remove caches and screenshots; .venv and runs/ stay
#
# PYTHON=/path/to/python3.12 chooses the Python that .venv is built from.

VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
DEMO := $(VENV)/.demo-installed
DEV := $(VENV)/.dev-installed
SCALE := $(VENV)/.scale-installed

PORT ?= 7860
SHARE ?=
is_set = $(filter-out 0 no false,$(1))
display := $(if $(filter Darwin,$(shell uname)),yes,$(DISPLAY)$(WAYLAND_DISPLAY))
open_flag := $(if $(call is_set,$(CI)),,$(if $(display),--open))
share_flag := $(if $(call is_set,$(SHARE)),--share)

PYTHON ?= python3.12 python3.11 python3
SUPPORTED := import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))

.PHONY: demo serve test pytest test-fast test-scale lint bench clean browser

demo: $(DEMO)
	$(VENV)/bin/python app.py --port $(PORT) $(share_flag) $(open_flag)

serve: $(SCALE)
	$(VENV)/bin/python -m deploy --port $(PORT)

# Two files at a time: a test mostly uses one core. More would want more memory than small machines have. The files come
# in the order of tests/conftest.py, which gives each process a core; threads of OpenBLAS that share one wait for each
# other, and a small matrix takes 15 times as long. Without bytecode files, each process would rewrite the assertions of
# every test file again. TEST_BUDGET: the seconds that the summary compares its total with.
PYTEST := OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pytest --numprocesses 2 --no-loadscope-reorder

# Beside each other: pip and apt, then lint, which uses one core, and the tests. Python compiles each module that a test
# imports; if pip compiled all of them, it would take twice as long.
test:
	@$(MAKE) --no-print-directory -j2 PIP_OPTIONS=--no-compile $(DEV) browser
	@$(MAKE) --no-print-directory -j2 lint pytest

pytest:
	MAKEFLAGS= TEST_BUDGET=480 $(PYTEST)

test-fast: $(DEV)
	TEST_BUDGET=60 $(PYTEST) -m "not slow and not browser"

# They kill workers, nodes and replicas of clusters that they start; too long for every run.
test-scale: $(DEV)
	WHYFAKE_RAY=1 $(VENV)/bin/python -m pytest tests/explain/bulk/test_on_ray.py tests/deploy

lint: $(DEV)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

# sustained and mixed_load measure for 20 and 60 minutes: run them on their own.
BENCHMARKS := $(filter-out _% sustained mixed_load,$(notdir $(basename $(wildcard benchmarks/*.py))))
bench: $(DEMO)
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(VENV)/bin/python -m benchmarks.$$name; done

clean:
	rm -rf .pytest_cache .ruff_cache .mypy_cache .gradio tests/screenshots
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is written last, so an interrupted step runs again and a changed list of pins installs itself.
$(DEV): requirements-dev.txt requirements-mcp.txt requirements-onnx.txt requirements-scale.txt requirements-train.txt $(DEMO)
	$(PIP) install --quiet $(PIP_OPTIONS) -r requirements-dev.txt
	@touch $@

$(SCALE): requirements-scale.txt $(DEMO)
	$(PIP) install --quiet -r requirements-scale.txt
	@touch $@

$(DEMO): requirements.txt $(VENV)/.created
	@echo "Installing what WhyFake needs into $(VENV); this takes some minutes the first time."
	$(PIP) install --quiet $(PIP_OPTIONS) -r requirements.txt
	@touch $@

# A .venv that works is taken as it is. Debian splits ensurepip off into python3-venv: where it is missing, the outer
# pip (22.3 or later) fills the new .venv.
$(VENV)/.created:
	@if ! { $(VENV)/bin/python -c '$(SUPPORTED)' && $(PIP) --version; } >/dev/null 2>&1; then \
		for python in $(PYTHON); do $$python -c '$(SUPPORTED)' 2>/dev/null && break; python=; done; \
		if [ -z "$$python" ]; then \
			echo "WhyFake needs Python 3.11 or 3.12, and $(PYTHON) is not it." \
				"Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; \
		fi; \
		echo "Creating $(VENV) with $$($$python --version)."; \
		if $$python -c 'import ensurepip' 2>/dev/null; then \
			$$python -m venv --clear $(VENV); \
		else \
			$$python -m venv --clear --without-pip $(VENV) && \
			$$python -m pip --quiet --python $(VENV)/bin/python install pip; \
		fi || { echo "Could not create $(VENV): install pip, or python3-venv on Debian, and retry." >&2; exit 1; }; \
	fi
	@touch $@

# Never fatal: without a Chromium the browser tests fail and say so, unless WHYFAKE_NO_BROWSER=1 leaves them out.
browser:
	@for name in chromium chromium-browser google-chrome; do \
		command -v $$name >/dev/null 2>&1 && exit 0; \
	done; \
	if [ -n "$(call is_set,$(WHYFAKE_NO_BROWSER))" ]; then \
		echo "WHYFAKE_NO_BROWSER is set: no Chromium will be installed."; \
	elif command -v apt-get >/dev/null 2>&1 && [ "$$(id -u)" = 0 ]; then \
		echo "Installing Chromium for the browser tests."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends chromium >/dev/null || \
		echo "apt-get could not install Chromium: the browser tests will fail." >&2; \
	else \
		echo "No Chromium or Chrome on the PATH: the browser tests will fail. Install one, or leave these tests" \
			"out with WHYFAKE_NO_BROWSER=1." >&2; \
	fi
