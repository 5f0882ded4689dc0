"""The card page in Chromium. A package, so that its tests can share one browser."""
