"""VAT ids of the EU, Great Britain and Switzerland, by their check digits.

Sources: Bundeszentralamt für Steuern, "Aufbau der USt-IdNr."; European Commission, VIES, "VAT identification number
structure"; ISO 7064.
"""

import re
from collections.abc import Callable, Iterator, Sequence


def _sum(digits: str, *weights: int) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _is_luhn(digits: str) -> bool:
    doubled = (sum(divmod(int(digit) * (1 + place % 2), 10)) for place, digit in enumerate(reversed(digits)))
    return sum(doubled) % 10 == 0


def _is_mod_11_10(digits: str) -> bool:
    """Return whether ``digits`` end in their check digit of ISO 7064, MOD 11,10."""
    product = 10
    for digit in digits[:-1]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (product + int(digits[-1])) % 10 == 1


def _austria(text: str) -> bool:
    total = sum(sum(divmod(int(digit) * weight, 10)) for digit, weight in zip(text[1:8], (1, 2) * 4, strict=False))
    return (10 - (total + 4) % 10) % 10 == int(text[8])


def _twice(digits: str, first: Sequence[int], second: Sequence[int]) -> bool:
    """Return whether the last digit is the weighted sum modulo 11, by the ``second`` weights if the first give 10."""
    check = _sum(digits, *first) % 11
    return (_sum(digits, *second) % 11 % 10 if check == 10 else check) == int(digits[-1])


def _cyprus(text: str) -> bool:
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
    total = sum(odd[int(digit)] for digit in text[0:8:2]) + sum(map(int, text[1:8:2]))
    return text[8] == chr(ord("A") + total % 26)


def _spain(text: str) -> bool:
    letters = "TRWAGMYFPDXBNJZSQVHLCKE"
    if text[0] in "XYZ0123456789":  # persons
        number = text[:8].translate(str.maketrans("XYZ", "012"))
        return number.isdigit() and text[8] == letters[int(number) % 23]
    doubled = sum(sum(divmod(int(digit) * 2, 10)) for digit in text[1:8:2])
    check = (10 - (doubled + sum(map(int, text[2:8:2]))) % 10) % 10
    return text[8] in (str(check), "JABCDEFGHI"[check])


def _ireland(text: str) -> bool:
    extra = 9 * (ord(text[8]) - ord("@")) if len(text) > 8 and text[8] != "W" else 0
    return "WABCDEFGHIJKLMNOPQRSTUV"[(_sum(text, 8, 7, 6, 5, 4, 3, 2) + extra) % 23] == text[7]


def _netherlands(text: str) -> bool:
    as_number = "".join(str(int(letter, 36)) for letter in f"NL{text}")
    return _sum(text[:9], 9, 8, 7, 6, 5, 4, 3, 2, -1) % 11 == 0 or int(as_number) % 97 == 1


def _britain(text: str) -> bool:
    total = _sum(text, 8, 7, 6, 5, 4, 3, 2) + int(text[7:9])
    return total % 97 in (0, 42)


def _eleven(digits: str, *weights: int) -> bool:
    return (11 - _sum(digits, *weights) % 11) % 11 == int(digits[-1])


CHECKS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "AT": (r"U\d{8}", _austria),
    "BE": (r"[01]\d{9}", lambda text: 97 - int(text[:8]) % 97 == int(text[8:])),
    "BG": (r"\d{9}", lambda text: _twice(text, range(1, 9), range(3, 11))),
    "CHE": (r"\d{9}", lambda text: _eleven(text, 5, 4, 3, 2, 7, 6, 5, 4)),
    "CY": (r"\d{8}[A-Z]", _cyprus),
    "CZ": (r"\d{8}", lambda text: (11 - _sum(text, 8, 7, 6, 5, 4, 3, 2) % 11) % 10 == int(text[7])),
    "DE": (r"[1-9]\d{8}", _is_mod_11_10),
    "DK": (r"[1-9]\d{7}", lambda text: _sum(text, 2, 7, 6, 5, 4, 3, 2, 1) % 11 == 0),
    "EE": (r"10\d{7}", lambda text: _sum(text, 3, 7, 1, 3, 7, 1, 3, 7, 1) % 10 == 0),
    "EL": (r"\d{9}", lambda text: _sum(text, *(2**power for power in range(8, 0, -1))) % 11 % 10 == int(text[8])),
    "ES": (r"(?:[A-Z]\d{7}[A-Z0-9]|\d{8}[A-Z])", _spain),
    "FI": (r"\d{8}", lambda text: _sum(text, 7, 9, 10, 5, 8, 4, 2, 1) % 11 == 0),
    "FR": (r"\d{11}", lambda text: (12 + 3 * int(text[2:])) % 97 == int(text[:2]) and _is_luhn(text[2:])),
    "GB": (r"\d{9}", _britain),
    "HR": (r"\d{11}", _is_mod_11_10),
    "HU": (r"\d{8}", lambda text: _sum(text, 9, 7, 3, 1, 9, 7, 3, 1) % 10 == 0),
    "IE": (r"\d{7}[A-W][A-IW]?", _ireland),
    "IT": (r"\d{11}", _is_luhn),
    "LT": (r"\d{9}", lambda text: _twice(text, range(1, 9), (3, 4, 5, 6, 7, 8, 9, 1))),
    "LU": (r"\d{8}", lambda text: int(text[:6]) % 89 == int(text[6:])),
    "LV": (r"[4-9]\d{10}", lambda text: _sum(text, 9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1) % 11 == 3),
    "MT": (r"\d{8}", lambda text: _sum(text, 3, 4, 6, 7, 8, 9, 10, 1) % 37 == 0),
    "NL": (r"\d{9}B\d\d", _netherlands),
    "PL": (r"\d{10}", lambda text: _sum(text, 6, 5, 7, 2, 3, 4, 5, 6, 7) % 11 == int(text[9])),
    "PT": (r"[1-9]\d{8}", lambda text: (11 - _sum(text, 9, 8, 7, 6, 5, 4, 3, 2) % 11) % 11 % 10 == int(text[8])),
    "RO": (
        r"[1-9]\d{5,9}",
        lambda text: _sum(text.zfill(10), 7, 5, 3, 2, 1, 7, 5, 3, 2) * 10 % 11 % 10 == int(text[-1]),
    ),
    "SE": (r"\d{10}01", lambda text: _is_luhn(text[:10])),
    "SI": (r"[1-9]\d{7}", lambda text: 11 - _sum(text, 8, 7, 6, 5, 4, 3, 2) % 11 in (int(text[7]), int(text[7]) or 10)),
    "SK": (r"[1-9]\d{9}", lambda text: int(text) % 11 == 0),
}
"""{prefix: (the format behind it, whether the check digits are right)}."""

_PREFIXED = re.compile(
    rf"(?<![A-Za-z0-9])({'|'.join(CHECKS)})[ \t:.\-]{{0,3}}((?:[A-Z0-9+*][ .\-]?){{5,13}})(?![A-Za-z0-9])"
)
_LABELLED = {
    "IT": re.compile(r"(?:P(?:art)?\.? ?IVA|Partita IVA|C\.F\. e P\.? ?IVA)[^\d\n]{0,20}(\d{11})(?!\d)", re.IGNORECASE),
    "ES": re.compile(r"\b(?:CIF|C\.I\.F\.?|NIF|N\.I\.F\.?)\W{0,4}([A-Z]-?\d{7}-?[A-Z0-9]|\d{8}-?[A-Z])(?![A-Za-z0-9])"),
    "GB": re.compile(
        r"\bVAT (?:Reg(?:istration|istered)?\.? ?)?(?:No|Number|Nr)?\W{0,4}(\d{3} ?\d{4} ?\d{2})(?!\d)", re.I
    ),
    "PL": re.compile(r"\bNIP\W{0,4}(\d{3}[- ]?\d{2,3}[- ]?\d{2}[- ]?\d{2,3})(?!\d)"),
    "PT": re.compile(r"\b(?:NIPC|NIF|Contribuinte)\W{0,4}(\d{3} ?\d{3} ?\d{3})(?!\d)"),
}
"""Numbers that are written with a label instead of the prefix."""


def vat_ids_in(text: str) -> Iterator[str]:
    """Return the VAT ids in ``text`` whose check digits are right, as ``DE136695976``, with repetitions."""
    for found in _PREFIXED.finditer(text):
        pattern, is_valid = CHECKS[found[1]]
        number = re.match(pattern, re.sub(r"[^A-Z0-9]", "", found[2]))
        if number is not None and is_valid(number[0]):
            yield found[1] + number[0]
    for prefix, label in _LABELLED.items():
        pattern, is_valid = CHECKS[prefix]
        for found in label.finditer(text):
            bare = re.sub(r"[^A-Z0-9]", "", found[1].upper())
            if re.fullmatch(pattern, bare) and is_valid(bare):
                yield prefix + bare
