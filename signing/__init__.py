"""Signs and verifies PDFs; knows no office, no database, no web."""
