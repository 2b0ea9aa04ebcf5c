"""Background work: each handler opens a desk and does one verb; the worker claims, runs and finishes them."""
