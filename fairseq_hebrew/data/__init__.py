"""Datasets: what fairseq's loop reads batches from."""
