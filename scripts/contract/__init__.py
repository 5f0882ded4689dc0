"""Check a portal against the contract, and the contract against its previous versions."""
