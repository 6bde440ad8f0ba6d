"""Nouns of the data: reading a source, its schema and findings, splits, preprocessing."""
