"""Models as Hugging Face folders: one module a family for its tensors and settings, the rest is shared."""
