"""Hebrew text and tokenizers: no torch, no fairseq."""
