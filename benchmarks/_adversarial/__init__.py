"""Parts of the benchmark of adversarial networks."""
