"""Benchmarks: each file's `run()` gives ratios against rivals and limits measured in the same run."""
