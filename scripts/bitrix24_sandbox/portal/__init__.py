"""The portal's state and rules: the call, who may ask, errors, faults and limits. No HTTP."""
