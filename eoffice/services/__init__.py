"""One room per business area, with its verbs (what changes things) and its queries (what reads them)."""
