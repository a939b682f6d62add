"""Parsing and field errors, one module per object. Rules live in services."""
