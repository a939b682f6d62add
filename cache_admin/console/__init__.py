"""The operators' pages: server-rendered, thin over services and selectors."""
