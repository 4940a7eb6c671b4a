# make help: what there is to type.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
PYTEST_ARGS ?=
BENCH_ARGS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help install install-forecast run test lint format bench bench-intake bench-relay bench-latency bench-execution bench-decisions bench-notify bench-analysis faults
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

install: $(VENV)/.installed ## set up .venv

run: install ## set up what is missing, start everything, print the address (PORT, TRADEOPS_DATA_DIR, TRADEOPS_DEMO=0)
	@$(BIN)/python manage.py bootstrap
	@exec $(BIN)/python manage.py portal

install-forecast: $(VENV)/.installed ## the neural forecasts too (requirements-forecast.txt: torch and a gigabyte of packages)
	@$(PIP) install -r requirements-forecast.txt

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

bench: bench-intake bench-relay bench-latency bench-execution ## all of them, about twenty minutes on a quiet machine

bench-intake: $(VENV)/.installed-dev ## intake: baseline, Cloudflare Worker and ours from one run (BENCH_ARGS=--quick)
	$(BIN)/python -m benchmarks --only intake $(BENCH_ARGS)

bench-relay: $(VENV)/.installed-dev ## relay: Cloudflare Worker and ours from one run (BENCH_ARGS=--quick)
	$(BIN)/python -m benchmarks --only relay $(BENCH_ARGS)

bench-latency: $(VENV)/.installed-dev ## alert to fill and to receiver with accounts, on the whole portal
	$(BIN)/python -m benchmarks --only latency $(BENCH_ARGS)

bench-execution: $(VENV)/.installed-dev ## alert to venue, signals/s on 4 accounts, limits, eight slow accounts (BENCH_ARGS=--quick)
	$(BIN)/python -m benchmarks --only execution $(BENCH_ARGS)

bench-decisions: $(VENV)/.installed-dev ## what a decision costs with every rule on, and after a million signals (BENCH_ARGS=--quick)
	$(BIN)/python -m benchmarks --only decisions $(BENCH_ARGS)

bench-notify: $(VENV)/.installed-dev ## what orders notice of notifiers that hang or refuse: pairs of rounds, five minutes (BENCH_ARGS=--quick)
	$(BIN)/python -m benchmarks --only notify $(BENCH_ARGS)

bench-analysis: $(VENV)/.installed-dev ## the statistical forecast against the naive one, a year day by day, two minutes (BENCH_ARGS=--neural)
	$(BIN)/python -m benchmarks.analysis $(BENCH_ARGS)

faults: $(VENV)/.installed-dev ## the proofs at full size: posts, outages, kills, switches, exits; two hours (BENCH_ARGS=--quick, --only NAME)
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
