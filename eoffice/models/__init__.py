"""The tables, one family per file; importing this package makes them all known."""

from eoffice.models import (  # noqa: F401
    access,
    books,
    calls,
    certificates,
    copies,
    directory,
    documents,
    exchange,
    ledger,
    metrics,
    review,
    routing,
    work,
)
