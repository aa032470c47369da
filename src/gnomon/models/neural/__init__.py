"""Neural networks on one trainer and one data path. Importing this package does not import PyTorch."""
