"""The law as pure functions and dated data; no database, no web."""
