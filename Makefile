# Every target does all the set-up it needs, on a fresh machine too.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The Python that runs, so that a virtual environment of another one is not mistaken for ready.
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
SAMPLE := models/digits.onnx models/digits.npz
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help run test lint bench bench-graph bench-quality fuzz soak screenshots models system system-test

help: ## say what the targets do
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: system $(RUNTIME) ## open the window with the digits sample (without a display: prune it by the command line)
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
	  $(BIN)/pruner-gui $(SAMPLE); \
	else \
	  mkdir -p build && \
	  $(BIN)/pruner-gui prune models/digits.onnx --data models/digits.npz -o build/digits_pruned.onnx; \
	fi

test: lint system-test ## lint, types, import contracts and all tests
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n auto --dist loadfile

lint: system $(DEV) ## style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check -q .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: system $(DEV) ## measure speed against the plain loop, in the same run
	$(BIN)/python tests/benchmarks/engine.py

bench-quality: system $(DEV) ## measure what compensation and guard rows keep and cost, on the samples and on other rows
	$(BIN)/python tests/benchmarks/quality.py

bench-graph: system-test $(DEV) ## measure how fast and how smoothly the network is drawn
	QT_QPA_PLATFORM=offscreen $(BIN)/python tests/benchmarks/graph.py

fuzz: system $(DEV) ## feed 10,000 mutated files to every reader (COUNT=n for fewer)
	$(BIN)/python tests/fuzz/fuzz.py --count $(or $(COUNT),10000)

soak: system $(DEV) ## run what takes long: cancels, closings, a thousand cycles
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.soak

screenshots: system-test $(DEV) ## make the pictures of the README
	QT_QPA_PLATFORM=offscreen $(BIN)/python resources/screenshots.py

models: system $(DEV) ## train the sample models again
	$(BIN)/python models/train_samples.py

system:
	@.ci/system-packages

system-test:
	@.ci/system-packages --test

$(VENV)/.pip: | system
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade "pip>=25.1"
	@touch $@

$(RUNTIME): pyproject.toml $(VENV)/.pip
	$(BIN)/python -m pip install -q -e '.[all]'
	@touch $@

$(DEV): pyproject.toml $(RUNTIME)
	$(BIN)/python -m pip install -q --group dev
	@touch $@
