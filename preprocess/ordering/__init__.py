"""What `shuffle`, `split` and `mix` stand on: blocks of documents, random keys, choosing, files for larger texts."""
