"""The data plane: what an application's call is routed through. Knows nothing of Django."""
