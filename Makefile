# make help: what there is to type.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
PYTEST_ARGS ?=
BENCH_ARGS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help install run test lint format bench bench-intake bench-relay bench-latency faults
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

install: $(VENV)/.installed ## set up .venv

run: install ## set up what is missing, start everything, print the address (PORT, TRADEOPS_DATA_DIR, TRADEOPS_DEMO=0)
	@$(BIN)/python manage.py bootstrap
	@exec $(BIN)/python manage.py portal

test: $(VENV)/.installed-dev ## the whole test suite; on DATABASE_URL and REDIS_URL where they are set
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev ## style, types, layers, migrations, deployment check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports --no-cache
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && set -e; \
	export TRADEOPS_DATA_DIR="$$scratch"; \
	echo "manage.py makemigrations --check"; $(BIN)/python manage.py makemigrations --check --dry-run; \
	echo "manage.py check --deploy"; TRADEOPS_ENV=production TRADEOPS_ALLOWED_HOSTS=portal.test \
		TRADEOPS_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
		TRADEOPS_ENCRYPTION_KEYS=$$($(BIN)/python -c 'from tradeops.core.crypto import new_key; print(new_key())') \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(VENV)/.installed-dev ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: bench-intake bench-relay bench-latency ## all of them, about a quarter of an hour on a quiet machine

bench-intake: $(VENV)/.installed-dev ## intake: baseline, Cloudflare Worker and ours from one run (BENCH_ARGS=--quick)
	$(BIN)/python -m benchmarks --only intake $(BENCH_ARGS)

bench-relay: $(VENV)/.installed-dev ## relay: Cloudflare Worker and ours from one run (BENCH_ARGS=--quick)
	$(BIN)/python -m benchmarks --only relay $(BENCH_ARGS)

bench-latency: $(VENV)/.installed-dev ## alert to fill and to receiver with accounts, on the whole portal
	$(BIN)/python -m benchmarks --only latency $(BENCH_ARGS)

faults: $(VENV)/.installed-dev ## 40,000 posts of 10,000 signals, outages, hostile bodies; five minutes (BENCH_ARGS=--quick)
	$(BIN)/python -m benchmarks.faults $(BENCH_ARGS)

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "TradeOps needs Python 3.11 or newer; found: $$(python3 --version 2>&1)." >&2; \
		echo "Install one (Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created requirements.txt
	@echo "installing the packages of requirements.txt"
	@$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	@echo "installing the packages of requirements-dev.txt"
	@$(PIP) install -r requirements-dev.txt
	@touch $@
