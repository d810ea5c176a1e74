"""`fairseq-hebrew sweep`: models fine-tuned over a grid, chosen on dev, scored once on test."""
