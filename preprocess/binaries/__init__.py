"""What `binarize` is made of: chunks of text, their encoder, the items they become, shards, and the dictionary."""
