"""Honest numbers on rows that nothing was trained or chosen on, and the report that shows them."""
