"""The application for a WSGI server: ``gunicorn eoffice.wsgi:app``; the home is named by EOFFICE_HOME."""

from __future__ import annotations

from eoffice.config import home, load
from eoffice.services.office import Office
from eoffice.web import create_app

app = create_app(Office(load(home())))
