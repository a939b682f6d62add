"""The product's benchmarks: `python -m bench [http|push|stampede|all] --json`."""
