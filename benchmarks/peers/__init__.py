"""The peers: the usual ways to do the same work, each a program of its own so that its start and memory count too."""
