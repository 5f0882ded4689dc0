"""The bridge in Chromium. A package, so that its tests can share one browser."""
