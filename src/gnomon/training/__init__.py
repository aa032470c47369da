"""Fitting: the engine, callbacks."""
