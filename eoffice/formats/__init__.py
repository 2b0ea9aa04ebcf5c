"""The papers: letters, containers, receipts, what page 1 says; no database, no web."""
