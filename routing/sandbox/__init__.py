"""A loopback stand-in for the LLM providers, speaking their real wire formats.

It keeps its own account of calls, tokens and money, computed with its own price list and its own
arithmetic, so that the product's ledger can be reconciled against something it did not write.
"""
