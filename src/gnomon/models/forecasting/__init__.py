"""Forecasting architectures on the trainer of all nets. Importing this package does not import PyTorch."""
