"""Lets ``python -m eoffice.cli`` be the command ``eoffice``."""

from eoffice.cli import main

main()
