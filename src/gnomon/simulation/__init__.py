"""Forecasts to targets to the ledger to equity."""
