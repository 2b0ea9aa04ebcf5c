"""Tests, laid out as a mirror of the floors; stories walk a document's whole way, house guards the shape."""
