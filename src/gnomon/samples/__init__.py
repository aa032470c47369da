"""Arrays that models learn from, and the values Forecast and Targets."""
