"""What `fetch` stands on: the public corpora, and downloads that go on where they stopped."""
