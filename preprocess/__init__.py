"""The corpus stages: read, clean, deduplicate, shuffle, split, train the BPE, binarize. No torch, no fairseq.

Text between stages is UTF-8, a paragraph a line, a blank line after each document.
"""
