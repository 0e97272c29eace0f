# git, make and Python 3.13 are all a machine must have; every verb installs what it needs.
PYTHON ?= python3.13
BIN := .venv/bin
LOCKED := requirements/dev.txt
SAM := PATH="$(CURDIR)/.venv-sam/bin:$$PATH" SAM_CLI_TELEMETRY=0 sam
CHECKED := .aws-sam/checked
.DEFAULT_GOAL := help
.PHONY: help demo local test accept check audit faults sim bench build sbom deploy format lock

help: ## print the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/installed ## the main job on a local stack with definite faults: sends webhooks, shows the CRM, exits
	@$(BIN)/hubsync demo $(ARGS)

local: .venv/installed ## the local stack until Ctrl-C: gateway, functions, queues, HubSpot emulator (SOURCES=DIR: your own)
	@$(if $(SOURCES),HUBSYNC_SOURCES="$(SOURCES)") $(BIN)/hubsync local $(ARGS)

test: .venv/installed .npm/installed ## every suite; no Docker, no account
	@$(BIN)/pytest -n 3 --dist worksteal $(ARGS)

accept: .venv/installed .npm/installed .venv-schemathesis/installed ## what takes longer than `test`: for a release, each night, and for whoever changes what it covers
	@$(BIN)/pytest -n 2 --dist worksteal -m accept $(ARGS)

check: .venv/installed $(CHECKED)/passed ## format, lint, types, template: everything decided without running the code
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

# Nothing but these files decides, and the tools are offline: what has passed is not asked again.
$(CHECKED)/passed: template.yaml samconfig.toml $(wildcard tools/hubsync_checks/*) .venv-sam/installed .venv-checkov/installed
	@$(SAM) validate --region us-east-1
	@$(SAM) validate --region us-east-1 --lint
	@PYTHONPATH=tools .venv-sam/bin/python -m hubsync_checks.translate $(CHECKED) template.yaml
	@.venv-sam/bin/cfn-lint $(CHECKED)/template.yaml
	@.venv-checkov/bin/checkov --config-file tools/hubsync_checks/checkov.yaml --file $(CHECKED)/template.yaml
	@PYTHONPATH=tools .venv-sam/bin/python -m hubsync_checks.publishing template.yaml
	@touch $@

audit: .venv/installed .venv-audit/installed ## known vulnerabilities of what is locked; a note where nobody can be asked
	@$(BIN)/python -m hubsync_checks.audit

faults: .venv/installed .venv-sam/installed .venv-checkov/installed ## which faults of the template the tools notice, as docs/template-faults.md
	@$(BIN)/python -m hubsync_checks.template_faults

sim: .venv/installed ## more of the protocol than `test` has time for: SEEDS=N or FIRST-LAST (SEED=n: one, told), larger models
ifdef SEED
	@$(BIN)/python -m tests.simulation --seed $(SEED)
else
	@$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),10000)
ifndef SEEDS
	@$(BIN)/python -m tests.model.explore
endif
endif

bench: .venv/installed ## figures against their targets; ARGS=--json for one line each
	@$(BIN)/python -m hubsync_bench $(ARGS)

build: .venv/installed .venv-sam/installed .venv-lambda/installed ## what is deployed, built without Docker: functions, layers for arm64 (SOURCES=DIR: your own)
	@for file in "$(or $(SOURCES),functions/ingest/sources)"/*.toml; do $(BIN)/hubsync source check "$$file" >/dev/null || exit 1; done
	@$(SAM) validate --lint --region us-east-1
	@$(SAM) build $(ARGS)
ifdef SOURCES
	@rm -rf .aws-sam/build/IngestFunction/sources && mkdir .aws-sam/build/IngestFunction/sources
	@cp "$(SOURCES)"/*.toml .aws-sam/build/IngestFunction/sources/
endif
	@$(MAKE) --no-print-directory $(HOST)/installed
	@find .aws-sam/build -mindepth 1 -maxdepth 1 ! -name DependenciesLayer -exec ln -sfn -t $(HOST) "$(CURDIR)/{}" \;
	@$(BIN)/python -m hubsync_checks.build_report
	@$(MAKE) --no-print-directory sbom

sbom: .venv-audit/installed ## the packages that ship, as .aws-sam/sbom.cdx.json (CycloneDX)
	@mkdir -p .aws-sam
	@.venv-audit/bin/cyclonedx-py requirements layers/dependencies/requirements.txt --pyproject pyproject.toml \
		--output-reproducible --of JSON -o .aws-sam/sbom.cdx.json

# Without a change in the functions' own properties SAM publishes no version (decision 0018). One word,
# since SAM breaks long lines.
deploy: build ## build, then deploy with samconfig.toml; needs an AWS account (SOURCES=DIR: your own)
	@grep -q release=development .aws-sam/build/template.yaml
	@sed -i.bak "s/release=development/release=$$(date -u +%Y-%m-%dT%H:%M:%SZ)/" .aws-sam/build/template.yaml
	@$(SAM) deploy $(ARGS)

format: .venv/installed ## rewrite the code as the formatter has it, and docs/openapi.json from the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/python -m hubsync_checks.openapi > docs/openapi.json

lock: .venv/uv ## resolve the dependencies anew, within pyproject.toml
	@$(COMPILE) --upgrade --group dev pyproject.toml -o $(LOCKED)
	@$(COMPILE) --upgrade --constraint $(LOCKED) --group lambda -o layers/dependencies/requirements.txt
	@echo aws-sam-cli | $(COMPILE) --upgrade - -o requirements/sam.txt
	@echo checkov | $(COMPILE) --upgrade - -o requirements/checkov.txt
	@printf 'cyclonedx-bom\npip-audit\n' | $(COMPILE) --upgrade - -o requirements/audit.txt
	@echo schemathesis | $(COMPILE) --upgrade - -o requirements/schemathesis.txt
	@echo awslambdaric | $(COMPILE) --upgrade - -o requirements/lambda.txt

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.13 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock"

.venv/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13) and "hubsync needs Python 3.13")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

# An environment of its own, since the SAM CLI pins other versions of boto3 and pydantic.
.venv-sam/installed: .venv/uv requirements/sam.txt
	@echo "installing the SAM CLI into .venv-sam" >&2
	@$(PYTHON) -m venv .venv-sam
	@$(BIN)/uv pip install --quiet --python .venv-sam/bin/python --require-hashes -r requirements/sam.txt
	@touch $@

# Each an environment of its own, since checkov pins versions of boto3 and others that are years old.
.venv-checkov/installed .venv-audit/installed .venv-schemathesis/installed: .venv-%/installed: .venv/uv requirements/%.txt
	@echo "installing the tools of requirements/$*.txt into .venv-$*" >&2
	@$(PYTHON) -m venv --without-pip .venv-$*
	@$(BIN)/uv pip install --quiet --python .venv-$*/bin/python --require-hashes -r requirements/$*.txt
	@touch $@

# A second DynamoDB for the tests of the ledger. Without npm, or on a machine that it does not serve,
# those tests skip themselves and say so.
.npm/installed: $(wildcard requirements/npm/*)
	@mkdir -p .npm && cp requirements/npm/*.json .npm/
	@npm ci --prefix .npm --silent --no-audit --no-fund --no-update-notifier 2>/dev/null || \
		echo "without dynoxide: npm is missing, or has none for this machine" >&2
	@touch $@

# What Lambda's Python has of its own, so that what was built runs here as it does there.
.venv-lambda/installed: .venv/uv requirements/lambda.txt
	@echo "installing Lambda's runtime client into .venv-lambda" >&2
	@$(PYTHON) -m venv --without-pip .venv-lambda
	@$(BIN)/uv pip install --quiet --python .venv-lambda/bin/python --compile-bytecode --only-binary :all: --require-hashes -r requirements/lambda.txt
	@touch $@

# The dependencies once more, for the processor of this machine: their native modules are not
# Lambda's. All else in this folder is what `sam build` made.
HOST := .aws-sam/host
$(HOST)/installed: $(wildcard layers/dependencies/*)
	@rm -rf $(HOST) && mkdir -p $(HOST)
	@PATH="$(CURDIR)/.venv-sam/bin:$$PATH" $(MAKE) --silent -C layers/dependencies build-DependenciesLayer \
		ARTIFACTS_DIR="$(CURDIR)/$(HOST)/DependenciesLayer" ARCH=$$(uname -m | sed s/^arm64$$/aarch64/)
	@touch $@

# Hashes are required, so what is installed is what was locked, wherever the registry is.
.venv/installed: .venv/uv $(LOCKED) pyproject.toml tools/hubspot-emulator/pyproject.toml
	@echo "installing the locked dependencies into .venv" >&2
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r $(LOCKED)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation \
		-e . -e tools/hubspot-emulator
	@touch $@
