"""A database's address, as other drivers want it."""

from urllib.parse import urlsplit


def conninfo(url: str) -> str:
    """libpq's form of a SQLAlchemy url."""
    parts = urlsplit(url)
    return f"postgresql://{parts.netloc}{parts.path}?sslmode=disable"
