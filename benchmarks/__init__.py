"""Measurements: ratios against peers from one interleaved run, appended to ``cpu.csv`` with versions and sizes.

``results.csv`` holds those of the first kernels, by a script that is gone.
"""
