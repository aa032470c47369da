"""Streaming indicators, by theme. Each is a `Kernel`; `rsi.over(close, params=(14,))` runs one over a whole column."""
