"""Architectures for many scales, many experts and long memory. Importing this package does not import PyTorch."""
