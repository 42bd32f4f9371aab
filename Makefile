# Every command sets itself up: .venv is made once, and filled again only when a lock file changes.
PYTHON ?= python3
BIN := .venv/bin
RUN := .venv/.run-ready
DEV := .venv/.dev-ready
WEB := .venv/.web-ready
WEB_DEV := .venv/.web-dev-ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST_FLAGS ?=
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help demo serve test check screens bench fuzz mutants lock clean tools

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

demo: $(RUN) $(WEB) ## play one citizen story from start to end
	$(BIN)/kluis demo

serve: $(RUN) $(WEB) ## run a server on ./kluis-data, made when it is not there
	test -d kluis-data || $(BIN)/kluis init --data kluis-data
	$(BIN)/kluis serve --data kluis-data

test: $(DEV) $(WEB_DEV) ## run the tests, but for the slow ones
	$(BIN)/pytest -n auto -m "not slow" $(PYTEST_FLAGS)

check: $(DEV) ## style, types, import arrows, size of the core, API drift, words, local rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports
	$(BIN)/python tests/checks/core_size.py
	$(BIN)/python tests/checks/openapi.py
	$(BIN)/python tests/checks/words.py
	$(BIN)/python tests/checks/hosts.py
	$(BIN)/python tests/checks/lint.py

screens: $(DEV) $(WEB_DEV) ## take pictures of every page, into docs/screens
	$(BIN)/python -m tests.browser.screens

bench: $(DEV) ## measure the promised timings
	$(BIN)/python -m bench.run

fuzz: $(DEV) ## look for inputs that a decoder does not stand (FUZZ_SECONDS=10 each)
	$(BIN)/python -m tests.fuzz.run

mutants: $(DEV) ## break crypto, consent, audit, proofs and registrations, and see which tests notice
	rm -rf mutants
	CI=1 $(BIN)/mutmut run --max-children 1
	$(BIN)/mutmut results

lock: $(DEV) ## write both lock files again (LOCK_FLAGS=--upgrade takes newer versions)
	$(COMPILE) --group build $(LOCK_FLAGS) -o requirements.lock
	$(COMPILE) --group dev -c requirements.lock $(LOCK_FLAGS) -o requirements-dev.lock

clean: ## remove .venv and caches; kluis-data stays
	rm -rf .venv web/node_modules .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .fuzz mutants dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

tools:
	@command -v git >/dev/null || { echo "git is missing. Debian, Ubuntu: apt install git"; exit 1; }
	@command -v $(PYTHON) >/dev/null || \
		{ echo "$(PYTHON) is missing. Debian, Ubuntu: apt install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		{ echo "$(PYTHON) is too old: 3.11 or newer is needed. Name another one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || \
		{ echo "$(PYTHON) cannot make a venv. Debian, Ubuntu: apt install python3-venv"; exit 1; }

$(BIN)/python: | tools
	$(PYTHON) -m venv .venv

$(RUN): requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes --only-binary :all: -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes --only-binary :all: -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(RUN)

# What browsers get of others. Without a registry it says so, goes on, and is tried again next time.
$(WEB): web/package-lock.json | $(RUN)
	@$(BIN)/python -m web.browser_packages && touch $@ || true

$(WEB_DEV): web/package-lock.json | $(DEV)
	@$(BIN)/python -m web.browser_packages --tests && touch $@ $(WEB) || true
