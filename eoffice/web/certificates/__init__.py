"""Certificates of the agency: a board of all of them, one of them in full, and what is done with them."""

from eoffice.web.certificates import at_risk, board, certificate, file, listed, requests
from eoffice.web.certificates.common import room

PAGES = (board, certificate, requests, listed, file, at_risk)
"""Each brings its routes into the room when it is imported."""

__all__ = ["PAGES", "room"]
