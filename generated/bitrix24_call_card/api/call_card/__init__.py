# Generated from the contract by `make generate`: an edit here is lost.
"""Contains endpoint functions for accessing the API"""
