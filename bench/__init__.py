"""Benchmarks of the whole product on one machine: `python -m bench [http|push|all] --json`."""
