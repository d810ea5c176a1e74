"""What every command stands on: clear errors, whole outputs, manifests, progress. Knows nobody."""
