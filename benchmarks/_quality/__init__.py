"""Parts of benchmarks/quality.py: data, methods, cells of the run, statistics and the report."""
