"""How right the answers are: what is measured, and what is learned from labels."""
