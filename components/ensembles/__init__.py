"""Boosting, bagging and stacking: many models become one."""
