"""Orders and their price: costs, sizing, guardrails."""
