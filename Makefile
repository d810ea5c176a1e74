# The commands of a newcomer. `make setup` builds the environment that the others use.
PYTHON ?= python3
OUT ?= demo-out
BUDGET ?= full
BIN := .venv/bin

.PHONY: setup demo test lint

setup: .venv/ready

# fairseq's 0.12.2 release pins versions that no pip of today accepts, hence --no-deps; setup.py lists its needs.
.venv/ready: setup.py constraints.txt .ci/check-system
	sh .ci/check-system $(PYTHON)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[report,test]'
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps fairseq
	touch $@

demo: setup
	bash demo/run.sh --out '$(OUT)' --budget '$(BUDGET)'

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
