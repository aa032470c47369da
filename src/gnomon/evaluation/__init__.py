"""Judging results: benchmarks, thresholds, doubt."""
