"""Bundles that predict raw rows anywhere espalier is installed."""
