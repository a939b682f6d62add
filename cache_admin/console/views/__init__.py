"""One module per object."""
