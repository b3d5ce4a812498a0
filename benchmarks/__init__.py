"""Measurements: ratios against peers from one interleaved run, appended to ``results.csv`` with versions and sizes."""
