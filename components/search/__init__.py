"""Choosing: search spaces, samplers, pruners, generations; the only door to optuna."""
