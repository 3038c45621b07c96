# SPDX-License-Identifier: Apache-2.0
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --warn-undefined-variables --no-builtin-rules

WEB := services/gateway/web
VERSION ?= 0.1.0
LDFLAGS := -s -w -X main.version=$(VERSION)
SAMPLE ?= config/samples/chatcluster-dev.yaml
DATA ?= data
PORT ?= 8080
# -count=1: tests that run the program as a process would be answered from the cache of Go otherwise.
TEST_FLAGS ?= -race -count=1 -timeout 20m
RUN ?=
SENDS ?= 10000
KILLS ?= 20
BENCH_FLAGS ?=
NODES ?= 3
CLUSTER ?= local

.PHONY: help
help: ## Show what each target does
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Build everything and run the whole product on http://localhost:8080; PORT, DATA and SAMPLE choose others
	./bin/parley dev -f $(SAMPLE) --data $(DATA) --port $(PORT)

.PHONY: build
build: web bin ## Build the web client and the program bin/parley

.PHONY: bin
bin: ## Build bin/parley with the web client that is there
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/parley ./services

.PHONY: web
web: $(WEB)/dist/index.html ## Build the web client into services/gateway/web/dist

WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/public -type f 2>/dev/null) $(wildcard $(WEB)/*.json $(WEB)/*.ts $(WEB)/*.js $(WEB)/*.html)
$(WEB)/dist/index.html: $(WEB)/node_modules/.package-lock.json $(WEB_SOURCES)
	cd $(WEB) && npm run --silent build
	@touch $@ $(WEB)/dist/.keep

$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

test/e2e/node_modules/.package-lock.json: test/e2e/package-lock.json
	cd test/e2e && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: deps
deps: ## Install the Debian packages that the tests need, if they are missing
	@hack/debian.sh

.PHONY: test
test: deps build test-web test-go test-browser ## Run all tests: web, Go on real MariaDB, RabbitMQ, Elasticsearch and S3, browser
	@echo "all tests passed"

.PHONY: test-web
test-web: $(WEB)/node_modules/.package-lock.json ## Check and test the web client
	cd $(WEB) && npm run --silent check && npm run --silent lint && npm test --silent

.PHONY: test-go
test-go: ## Run the Go tests with private MariaDB, RabbitMQ, Elasticsearch and S3 servers
	PARLEY_TEST_ELASTICSEARCH_HOME=$$(hack/elasticsearch.sh) PARLEY_TEST_REQUIRE_SERVERS=1 \
	  PARLEY_TEST_S3_PROGRAM=$$(hack/tool.sh versitygw --path) \
	  KUBEBUILDER_ASSETS=$$(go run ./hack/cluster/binaries/build etcd kube-apiserver kubectl) \
	  go run ./hack/withservers -- go test $(TEST_FLAGS) ./...
	go test -tags failpoints -count=1 -run 'Crashes|Dies|Died' ./services/file ./services/message/sqlstore ./services/internal/outbox

.PHONY: test-elasticsearch
test-elasticsearch: ## Run the tests of search alone; ELASTICSEARCH_VERSION=9 takes the newer server, ES_JAVA_HOME a Java 21
	PARLEY_TEST_ELASTICSEARCH_HOME=$$(hack/elasticsearch.sh) PARLEY_TEST_REQUIRE_SERVERS=1 \
	  go run ./hack/withservers -- go test $(TEST_FLAGS) ./services/internal/searchindex/... ./services/message/messageindex ./services/user/nameindex \
	  ./services/message/server ./services/user/server ./test/integration -run "Index|Rebuil|Search|F37|F11"

.PHONY: test-browser
test-browser: test/e2e/node_modules/.package-lock.json ## Run the browser journeys in headless Chromium
	hack/browser.sh

.PHONY: e2e
e2e: deps test/e2e/node_modules/.package-lock.json ## Run all tests on a real Kubernetes of three nodes; RUN=… chooses (root, Debian)
	hack/e2e.sh '$(RUN)'

.PHONY: e2e-short
e2e-short: deps test/e2e/node_modules/.package-lock.json ## Run the short tests on a real Kubernetes, as CI does
	hack/e2e.sh Short

.PHONY: fuzz
fuzz: ## Fuzz every decoder for a few seconds each
	hack/fuzz.sh

.PHONY: ledger
ledger: ## Run the fault tests at full size: SENDS=10000 sends, KILLS=20 kills
	PARLEY_LEDGER_SENDS=$(SENDS) PARLEY_LEDGER_KILLS=$(KILLS) go test -count=1 -timeout 60m -v ./test/ledger/...

.PHONY: bench
bench: bin ## Measure CPU per message, statements, AMQP messages and memory on real servers
	go run ./test/bench $(BENCH_FLAGS)

.PHONY: bench-search
bench-search: MESSAGES ?= 20000
bench-search: RATE ?= 2000
bench-search: ## Measure how far the search index lies behind, and searches beside LIKE; MESSAGES=200000 RATE=2000
	PARLEY_TEST_ELASTICSEARCH_HOME=$$(hack/elasticsearch.sh) PARLEY_BENCH_MESSAGES=$(MESSAGES) PARLEY_BENCH_RATE=$(RATE) \
	  go run ./hack/withservers -- go test -run '^$$' -bench W11 -benchtime 1x -timeout 30m $(BENCH_FLAGS) ./services/message/server

.PHONY: bench-files
bench-files: MIB ?= 20
bench-files: ## Measure the memory of a file service with 50 uploads and 50 downloads at once; MIB=100 for the largest files
	PARLEY_TEST_S3_PROGRAM=$$(hack/tool.sh versitygw --path) PARLEY_TEST_UPLOAD_MIB=$(MIB) \
	  go run ./hack/withservers -s3=false -- go test -run '^$$' -bench B3 -benchtime 1x -timeout 30m $(BENCH_FLAGS) ./test/integration

.PHONY: cluster
cluster: ## Start a Kubernetes, or take one: CLUSTER=local (3 nodes here: root, Debian), kind or existing; NODES=1 or 3
	@config=$$(CLUSTER=$(CLUSTER) NODES=$(NODES) hack/cluster/choose.sh); echo "KUBECONFIG=$$config"

.PHONY: cluster-down
cluster-down: ## End the local cluster and leave nothing behind
	go run ./hack/cluster down

.PHONY: cluster-load
cluster-load: images ## Load the images into the cluster: CLUSTER=local or kind
	CLUSTER=$(CLUSTER) hack/cluster/load.sh .cache/images/parley.tar .cache/images/parley-operator.tar

.PHONY: kube-demo
kube-demo: images ## Run the whole product on a real Kubernetes: operator, ChatCluster, stores (root, Debian)
	hack/cluster/debian.sh
	PARLEY_PACKAGES='mariadb-server rabbitmq-server' hack/debian.sh
	go run ./hack/kubedemo -version $(VERSION) -nodes $(NODES) -listen 127.0.0.1:$(PORT) up

.PHONY: kube-demo-down
kube-demo-down: ## End what kube-demo has started
	go run ./hack/kubedemo down

.PHONY: images
images: web bin operator ## Make the container images of parley and parley-operator, without Docker
	hack/images.sh $(VERSION)

.PHONY: image-speech
image-speech: web bin ## Make the image parley-speech, which has ffmpeg and PocketSphinx of Debian, without Docker
	PARLEY_PACKAGES='ffmpeg pocketsphinx pocketsphinx-en-us' hack/debian.sh
	hack/images.sh $(VERSION) parley-speech

.PHONY: operator
operator: ## Build bin/parley-operator and the plugin bin/kubectl-parley
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/parley-operator ./controllers
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/kubectl-parley ./controllers/kubectl-parley

.PHONY: manifests
manifests: ## Make CRD, RBAC, charts' files and dist/ from their one source
	hack/manifests.sh

.PHONY: generate
generate: $(WEB)/node_modules/.package-lock.json ## Generate code from the protos and the Kubernetes types
	hack/generate.sh

.PHONY: verify
verify: generate ## Fail if generated code, formatting or modules are not current
	hack/verify.sh

.PHONY: lint
lint: ## Lint protos and Go
	hack/tool.sh buf lint api/proto
	hack/tool.sh golangci-lint run

.PHONY: format
format: ## Format Go
	hack/tool.sh golangci-lint fmt

.PHONY: ci
ci: deps ## What CI runs: verify, lint, test, and the short tests on Kubernetes
	$(MAKE) verify
	$(MAKE) lint
	$(MAKE) test
	$(MAKE) e2e-short

.PHONY: clean
clean: ## Remove what was built; caches and data stay
	rm -rf bin $(WEB)/node_modules test/e2e/node_modules
	find $(WEB)/dist -mindepth 1 ! -name .keep -delete
