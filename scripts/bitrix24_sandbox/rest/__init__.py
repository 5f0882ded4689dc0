"""The portal's REST entry and its OAuth server: requests in, answers out."""
