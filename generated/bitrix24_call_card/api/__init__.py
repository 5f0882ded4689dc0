# Generated from the contract by `make generate`: an edit here is lost.
"""Contains methods for accessing the API"""
