"""Prune trained neural networks."""
