"""Stages, plan, executor."""
