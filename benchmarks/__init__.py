"""What is measured against whom, one file a question; not installed. `make bench-corpus` runs those of the corpus."""
