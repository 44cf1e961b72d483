# The Lambda layer, the registrar and the server: build them, publish the layer, deploy them, try the layer under AWS's runtime emulator.
#
#   make build [FLAVOR=full [PYTHON=3.13] [ARCH=arm64]] [BYTECODE=never]
#   make publish REGION=… [FLAVOR=slim|full] [PYTHON=3.13] [ARCH=arm64] [LAYER_NAME=…] [ACCOUNTS=…|PUBLIC=1] [BUCKET=…] [DRY_RUN=1]
#   make deploy REGION=… [STACK=cloudmap-discovery] [PARAMETERS='Namespace=… Schedule="rate(1 hour)"'] [BUCKET=…] [DRY_RUN=1]
#   make undeploy REGION=… [STACK=cloudmap-discovery] [FORCE=1] [DRY_RUN=1]

# An on/off variable: 1 is on, unset or 0 is off, and everything else is refused, so that DRY_RUN=yes does not publish.
switch = $(if $(filter-out 0 1,$($(1))),$(error $(1)=$($(1)) is not understood: use $(1)=1),$(if $(filter 1,$($(1))),$(2)))
option = $(if $($(1)),$(2) '$($(1))')
# Who writes the word as the documents do would otherwise get the other one.
OF_FLAVOR = $(if $(FLAVOUR),$(error FLAVOUR=$(FLAVOUR) is not understood: use FLAVOR=$(FLAVOUR)))$(call option,FLAVOR,--flavor)
PIN := pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet

.PHONY: build
build: $(READY) ## Build layer, registrar and server into dist/ (FLAVOR=full PYTHON=3.13 ARCH=arm64 BYTECODE=never)
	@$(BIN)/python -m layer.build $(OF_FLAVOR) $(call option,PYTHON,--python) $(call option,ARCH,--arch) $(call option,BYTECODE,--bytecode)
	@$(BIN)/python -m layer.build_registrar
	@$(BIN)/python -m layer.build_server

.PHONY: publish
publish: $(READY) ## Publish what is in dist/ (REGION= FLAVOR= PYTHON= ARCH= LAYER_NAME= ACCOUNTS=|PUBLIC=1 BUCKET= DRY_RUN=1)
	@$(BIN)/python -m layer.publish $(call option,REGION,--region) \
		$(OF_FLAVOR) $(call option,PYTHON,--python) $(call option,ARCH,--arch) $(call option,LAYER_NAME,--layer-name) \
		$(call option,ACCOUNTS,--accounts) $(call switch,PUBLIC,--public) $(call option,BUCKET,--bucket) $(call switch,DRY_RUN,--dry-run)

# AWS's own command line, which deploys: apart from .venv, since it pins a botocore.
AWS_VENV := .venv-aws
AWS_READY := $(AWS_VENV)/.ready
$(AWS_READY): $(READY) requirements/awscli.txt
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(AWS_VENV)
	@$(BIN)/uv pip install --quiet --python $(AWS_VENV)/bin/python --require-hashes -r requirements/awscli.txt
	@touch $@

.PHONY: deploy
deploy: build $(AWS_READY) ## Install layer, registrar and server in an account (REGION= STACK= PARAMETERS="Namespace=…" BUCKET= DRY_RUN=1)
	@$(BIN)/python -m layer.deploy --aws $(AWS_VENV)/bin/aws $(call option,STACK,--stack) $(call option,REGION,--region) \
		$(call option,PARAMETERS,--parameters) $(call option,BUCKET,--bucket) $(call switch,DRY_RUN,--dry-run)

.PHONY: undeploy
undeploy: $(READY) ## Remove what deploy installed (REGION= STACK= FORCE=1 DRY_RUN=1)
	@$(BIN)/python -m layer.undeploy $(call option,STACK,--stack) $(call option,REGION,--region) \
		$(call switch,FORCE,--force) $(call switch,DRY_RUN,--dry-run)

.PHONY: canary
canary: $(READY) ## Use the layer under AWS's runtime emulator, on every Python here
	@$(BIN)/pytest tests/layer/test_canary*.py $(PYTEST_ARGS)

# What the canary puts into a function's own package: old on purpose, and so not upgraded.
NEIGHBOURS := aiobotocore==2.12.3 boto3==1.34.69 botocore==1.34.69 jmespath==1.1.0 pydantic==1.10.27 pydantic-settings==2.6.1 \
	python-dateutil==2.9.0.post0 s3transfer==0.10.4 six==1.17.0 tenacity==5.1.5 tenacity==6.3.1 tenacity==8.0.1 typing-extensions==4.12.2 urllib3==2.8.0

# After requirements/dev.txt: the layers hold exactly the versions that the tests run with. boto3 is in no list of
# dependencies of this project, but whoever gets our botocore in the full layer needs the boto3 that fits it.
.PHONY: lock-layer
lock-layer: $(READY)
	$(BIN)/uv $(PIN) pyproject.toml --constraint requirements/dev.txt -o requirements/layer-slim.txt
	echo boto3 | $(BIN)/uv $(PIN) pyproject.toml - --extra sdk --constraint requirements/dev.txt -o requirements/layer.txt
	printf 'httpcore2[asyncio]\njinja2\nmangum\nstarlette\n' | $(BIN)/uv $(PIN) pyproject.toml - --constraint requirements/dev.txt -o requirements/server.txt
	echo 'hatchling>=1.27' | $(BIN)/uv $(PIN) - -o requirements/layer-build.txt
	echo awslambdaric | $(BIN)/uv $(PIN) - --constraint requirements/dev.txt -o requirements/runtime-client.txt
	echo aws-sam-cli | $(BIN)/uv $(PIN) - --no-deps -o requirements/rie.txt
	echo awscli | $(BIN)/uv $(PIN) - -o requirements/awscli.txt
	echo aws-sam-cli | $(BIN)/uv $(PIN) - -o requirements/sam.txt
	echo aws-cdk-lib | $(BIN)/uv $(PIN) - -o requirements/cdk.txt
	printf 'ministack\naws-sam-translator\n' | $(BIN)/uv $(PIN) - -o requirements/ministack.txt
	for one in $(NEIGHBOURS); do echo $$one | $(BIN)/uv $(PIN) --no-deps -; done > requirements/neighbours.txt
