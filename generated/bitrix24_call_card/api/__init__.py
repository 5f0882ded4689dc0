# Generated from the contract by `make generate`: do not edit.
"""Contains methods for accessing the API"""
