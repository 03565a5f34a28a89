"""Measurements: run from a checkout as ``python -m benchmarks.NAME``; not part of the package."""
