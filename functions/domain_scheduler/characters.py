"""Characters that people write in place of plain ones, so that what is looked for has one spelling."""

import unicodedata

_DIGITS = {
    zero + digit: str(digit)
    for zero in (0x660, 0x6F0, 0x966, 0x9E6, 0xE50)  # Arabic, Persian, Devanagari, Bengali, Thai
    for digit in range(10)
}
_FULLWIDTH = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFF01, 0xFF5F)}

PLAIN: dict[int, str] = _DIGITS | _FULLWIDTH
"""For ``str.translate``: other scripts' digits, and the wide forms of ASCII that East Asia writes (``ＴＥＬ　０３``)."""


def plain(text: str) -> str:
    """``text`` with :data:`PLAIN` applied."""
    return text if text.isascii() else text.translate(PLAIN)
