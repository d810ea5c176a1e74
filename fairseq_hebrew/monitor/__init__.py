"""Watching a run of training: its logs as curves, and what they show of spikes, plateaus and convergence."""
