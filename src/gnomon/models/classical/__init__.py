"""Classical models."""
