"""What is measured against whom, one file a question."""
