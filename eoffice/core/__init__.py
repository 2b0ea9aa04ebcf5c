"""Tools that know nothing of documents."""
