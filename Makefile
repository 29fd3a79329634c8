# The commands of the project. Everything they need is set up in .venv from uv.lock.
SHELL := /bin/bash
PYTHON ?= python3
UV := .venv/bin/uv
RUN := .venv/bin/python -m
ARGS ?=

.PHONY: help setup run test soak machine check lint format docs sbom wheel release bench clean

help: ## list the commands
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/'

.venv/ready: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3"; exit 1; }
	@[ -x .venv/bin/pip ] || $(PYTHON) -m venv .venv || { echo "python3-venv is missing; install it with: apt install python3-venv"; exit 1; }
	@[ -x $(UV) ] || .venv/bin/pip install -q uv==0.13.9
	@$(UV) sync -q --locked --inexact --all-extras
	@touch $@

setup: .venv/ready ## install everything into .venv

run: setup ## broker, server and a simulated campus on http://127.0.0.1:8000
	@exec .venv/bin/campus-server demo $(ARGS)

test: setup ## all tests
	@$(RUN) pytest $(ARGS)

soak: setup ## the long fault and soak runs
	@$(RUN) pytest -m soak $(ARGS)

machine: setup ## the tests that need a camera, a GPIO chip and a systemd of the kernel's, under a Linux in user mode
	@.venv/bin/python tests/machine/boot.py $(ARGS)

lint: setup ## format, lint, types, import layers
	@$(RUN) ruff format --check -q .
	@$(RUN) ruff check -q .
	@.venv/bin/basedpyright
	@.venv/bin/lint-imports --no-cache

check: lint test ## lint and test

format: setup ## format the code
	@$(RUN) ruff format -q . && $(RUN) ruff check -q --fix .

docs: setup ## write docs/asyncapi.yaml from contracts/
	@$(RUN) docs.generate

sbom: setup ## write dist/campuswatch.cdx.json (CycloneDX) from uv.lock
	@mkdir -p dist && $(UV) export -q --locked --all-extras --no-dev --format cyclonedx1.5 -o dist/campuswatch.cdx.json >/dev/null
	@echo dist/campuswatch.cdx.json

wheel: setup ## build the wheel into dist/
	@$(UV) build -q --wheel -o dist

release: setup ## dist/release: the wheel and all it needs on this machine (ARGS: more for pip download)
	@rm -rf dist/release && $(UV) build -q --wheel -o dist/release
	@$(UV) export -q --locked --all-extras --no-dev --no-emit-project -o dist/release/requirements.txt >/dev/null
	@.venv/bin/pip download -q --no-deps --only-binary :all: --require-hashes -r dist/release/requirements.txt -d dist/release $(ARGS)
	@echo "now sign it where the key is: python -m update.sign release dist/release KEYFILE"

bench: setup ## benchmarks: tables on screen, JSON in bench/out
	@$(RUN) bench $(ARGS)

clean: ## remove what was made
	rm -rf .venv dist bench/out .pytest_cache .ruff_cache .hypothesis
