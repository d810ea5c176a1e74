"""Tests of training on XLA run in the environment that has it: `make xla-test`."""

import importlib.util

if importlib.util.find_spec("torch_xla") is None:
    collect_ignore_glob = ["*"]
