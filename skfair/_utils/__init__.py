"""Helpers without a view on fairness: optional imports, array backends, input checks."""
