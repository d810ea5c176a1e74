"""The judges: scores of predictions, tokenizer fertility, and the page of results."""
