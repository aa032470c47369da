"""Gnomon: raw market data to a monitored paper-trading deployment, with numbers that can be believed."""
