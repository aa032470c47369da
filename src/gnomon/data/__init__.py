"""Market data: sources, checks, repair, as-of joins, calendars, versions, synthetic markets."""
