"""The control plane: what operators own and see."""
