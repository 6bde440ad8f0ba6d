"""Contracts, specs, errors, seeds, deadlines, atomic files: what every other component stands on."""
