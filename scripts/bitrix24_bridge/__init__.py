"""The bridge: it answers the contract on portals where only the browser knows the call."""
