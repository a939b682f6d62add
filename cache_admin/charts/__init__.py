"""Figures from selectors' rows: pure functions, no I/O, no clock, no language of their own."""
