"""eoffice: an electronic document office with digital signing for public administrations."""

__version__ = "0.1.0"
