"""Training a byte-level BPE at any size: words are counted through disk, merges are learned from their counts."""
