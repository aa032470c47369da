"""Batteries of tests for plug-in authors."""
