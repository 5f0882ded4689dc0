"""The portal's state and rules: the call, authentication, errors, faults and limits. No HTTP."""
