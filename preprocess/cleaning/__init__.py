"""What `clean` is made of: its settings, the work on a batch of documents, filters, boilerplate, examples."""
