"""The portal's REST entry and its OAuth server."""
