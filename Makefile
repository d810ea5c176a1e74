# The commands of a newcomer. `make setup` builds the environment that the others use.
PYTHON ?= python3
OUT ?= demo-out
BUDGET ?= full
BIN := .venv/bin
# One file a Python version: another PYTHON builds the environment anew.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
READY := .venv/ready-$(VERSION)

XLA_BIN := .venv-xla/bin
XLA_READY := .venv-xla/ready-$(VERSION)

.PHONY: setup setup-xla demo test xla-test lint bench-xla bench-xla-memory bench-corpus bench-train bench-loader bench-fine-tuning

setup: $(READY)

# fairseq's 0.12.2 release pins versions that no pip of today accepts, hence --no-deps; setup.py lists its needs.
$(READY): setup.py pyproject.toml constraints.txt .ci/check-system
	sh .ci/check-system $(PYTHON)
	rm -rf .venv
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[report,readers,cluster,sweep,retrieval,test]'
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps fairseq
	touch $@

setup-xla: $(XLA_READY)

# An environment of its own: torch-xla needs its own release of torch, 7 GB with the CUDA libraries that brings.
$(XLA_READY): setup.py pyproject.toml constraints-xla.txt .ci/check-system
	sh .ci/check-system $(PYTHON)
	rm -rf .venv-xla
	$(PYTHON) -m venv .venv-xla
	$(XLA_BIN)/pip install --quiet --constraint constraints-xla.txt --editable '.[xla,test]'
	$(XLA_BIN)/pip install --quiet --constraint constraints-xla.txt --no-deps fairseq
	touch $@

demo: setup
	bash demo/run.sh --out '$(OUT)' --budget '$(BUDGET)'

test: setup
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

# XLA's CPU backend is the compiler and the runtime that a TPU has.
xla-test: setup-xla
	PJRT_DEVICE=CPU $(XLA_BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/xla

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The corpus stages against their peers, in one run; about half an hour on 2 cores.
bench-corpus: setup
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.corpus

# A step of training against its peers, in one run; about an hour on 2 cores that do nothing else.
bench-train: setup
	$(BIN)/python -m benchmarks.train

# Masking and the whole data loader against stock fairseq's, one core; some minutes.
bench-loader: setup
	$(BIN)/python -m benchmarks.loader

# Fine-tuning on tagged words beside transformers' Trainer; minutes. DATA: NEMO's folder, else the demo's sentences.
bench-fine-tuning: setup
	$(BIN)/python -m benchmarks.fine_tuning $(if $(DATA),--description nemo --data '$(DATA)')

# Training on XLA against stock fairseq's, on XLA's CPU backend; a quarter of an hour on 2 cores that do nothing else.
bench-xla: setup-xla
	PJRT_DEVICE=CPU $(XLA_BIN)/python -m benchmarks.xla

# What of a chip's memory the published batches fill, by XLA's compiler; compiles some dozens of graphs.
bench-xla-memory: setup-xla
	PJRT_DEVICE=CPU $(XLA_BIN)/python -m benchmarks.xla_memory
