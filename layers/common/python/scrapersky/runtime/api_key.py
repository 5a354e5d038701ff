"""An API key out of a secret."""

import json
import re

_KEY = re.compile(r"[!-~]{1,512}")


class UnusableKey(ValueError):
    """The secret holds no key that could be sent; the message says what is wrong and never what it holds."""


def key_of(secret: str, setting: str) -> str:
    """The API key in ``secret``, which ``setting`` names: the bare key, or ``{"api_key": …}``. Raises :class:`UnusableKey`."""
    text = secret.strip()
    if text.startswith("{"):
        try:
            held = json.loads(text)
        except (ValueError, RecursionError):
            held = None
        text = str((held if isinstance(held, dict) else {}).get("api_key") or "").strip()
    if not _KEY.fullmatch(text):
        raise UnusableKey(f'the secret of {setting} must hold the bare API key or {{"api_key": "…"}}')
    return text
