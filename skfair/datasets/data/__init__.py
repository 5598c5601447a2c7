"""Compressed tables and their descriptions, written by ``docs/maintenance/bundle_data.py``."""
