# sonmat's errands. Needs GNU make, Python 3.11 or newer, and a package index that pip can reach; nothing else.
# `make` alone lists them.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PEERS := benchmarks/.venv/bin
PIP := -m pip --disable-pip-version-check
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help env dev train test test-slow fuzz check format peers test-peers bench claims constraints wheel clean

help: ## List the errands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

env: .venv/.sonmat ## Make .venv with sonmat in it
dev: .venv/.dev ## The same with what tests and checks need

.venv/.sonmat: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "sonmat needs Python 3.11 or newer; none was found. Name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "==> Making .venv with $(PYTHON) (once; a few minutes at most)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python $(PIP) install -c constraints.txt -e .
	@touch $@

.venv/.dev: .venv/.sonmat
	@echo "==> Adding what tests and checks need"
	$(BIN)/python $(PIP) install -c constraints.txt -e '.[dev,ray,onnx]'
	@touch $@

train: env ## Train the notes' network on MNIST (more: make train ARGS="--set epochs=3")
	$(BIN)/sonmat train $(ARGS)

test: dev ## Run the quick tests (about twelve minutes on two cores)
	$(BIN)/python -m pytest -n auto $(ARGS)

test-slow: dev ## Run the slow tests
	$(BIN)/python -m pytest -n auto -m "slow and not peers" $(ARGS)

fuzz: dev ## Run the tests that make up their own examples, with examples nobody has seen
	SONMAT_HYPOTHESIS=fuzz $(BIN)/python -m pytest -n auto $(ARGS) $$(grep -rl "@given" tests)

check: dev ## Format check, lint, types, and the order of the layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py

format: dev ## Format the code and sort its imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

peers: benchmarks/.venv/.peers ## Make benchmarks/.venv with TensorFlow, PyTorch and scikit-learn

benchmarks/.venv/.peers: benchmarks/constraints.txt
	@echo "==> Making benchmarks/.venv (about 2.8 GB)"
	test -x $(PEERS)/python || $(PYTHON) -m venv benchmarks/.venv
	$(PEERS)/python $(PIP) install -c benchmarks/constraints.txt tensorflow-cpu keras torch scikit-learn keras-tuner optuna tensorboard matplotlib
	@touch $@

test-peers: dev peers ## Run the tests that try TensorFlow beside sonmat
	$(BIN)/python -m pytest -m peers $(ARGS)

bench: env peers ## Measure all figures anew, then write them into the documents (two and a half hours on two cores)
	$(BIN)/python -m benchmarks.fit_notes --fresh $(ARGS)
	$(BIN)/python -m benchmarks.cnn --fresh $(ARGS)
	$(BIN)/python -m benchmarks.leak --fresh
	$(BIN)/python -m benchmarks.diagnosis
	$(BIN)/python -m benchmarks.lr_finder
	$(BIN)/python -m benchmarks.sweep --fresh
	$(BIN)/python -m benchmarks.notes_question --fresh
	@echo "==> The tuned recipes, five seeds each: an hour and a half. Interrupted, go on with $(BIN)/python -m benchmarks.accuracy"
	rm -rf benchmarks/results/accuracy benchmarks/.runs
	$(BIN)/python -m benchmarks.accuracy
	$(BIN)/python -m benchmarks.claims

claims: env ## Write the measured figures into the documents
	$(BIN)/python -m benchmarks.claims

constraints: dev ## Compile constraints.txt and benchmarks/constraints.txt again, with the newest versions
	$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --fork-strategy requires-python \
		--no-header --annotation-style line --no-emit-index-url --no-emit-find-links \
		--extra dev --extra ray --extra onnx --output-file constraints.txt pyproject.toml
	$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --fork-strategy requires-python \
		--no-header --annotation-style line --no-emit-index-url --no-emit-find-links \
		--output-file benchmarks/constraints.txt benchmarks/requirements.in

wheel: dev ## Build the wheel and the source package into dist/
	$(BIN)/python -m build

clean: ## Remove everything that is made again; runs/ stays
	rm -rf .venv benchmarks/.venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
