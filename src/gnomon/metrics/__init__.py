"""Functions of plain numbers and arrays: returns, trades, forecasts, significance."""
