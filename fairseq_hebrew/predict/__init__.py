"""`fairseq-hebrew predict`: the answers of a fine-tuned checkpoint as JSON lines, which `score` judges alone."""
