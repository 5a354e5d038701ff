"""Candidate countries of a page, used to read its national phone numbers."""

import phonenumbers

_NAMES = {
    "US": "usa|u.s.|u.s.a.|united states|united states of america|estados unidos",
    "GB": "uk|u.k.|united kingdom|great britain|england|scotland|wales|northern ireland",
    "CA": "canada|kanada",
    "AU": "australia",
    "NZ": "new zealand|aotearoa",
    "IE": "ireland|éire|republic of ireland",
    "DE": "germany|deutschland|de-de",
    "AT": "austria|österreich",
    "CH": "switzerland|schweiz|suisse|svizzera",
    "FR": "france|frankreich",
    "BE": "belgium|belgië|belgique",
    "NL": "netherlands|the netherlands|nederland|holland",
    "LU": "luxembourg|luxemburg",
    "ES": "spain|españa",
    "PT": "portugal",
    "IT": "italy|italia",
    "GR": "greece|ελλάδα|hellas",
    "DK": "denmark|danmark",
    "SE": "sweden|sverige",
    "NO": "norway|norge",
    "FI": "finland|suomi",
    "PL": "poland|polska",
    "CZ": "czechia|czech republic|česko|česká republika",
    "SK": "slovakia|slovensko",
    "HU": "hungary|magyarország",
    "RO": "romania|românia",
    "BG": "bulgaria|българия",
    "HR": "croatia|hrvatska",
    "TR": "turkey|türkiye|turkiye",
    "UA": "ukraine|україна",
    "RU": "russia|россия|russian federation",
    "IL": "israel|ישראל",
    "AE": "uae|united arab emirates",
    "SA": "saudi arabia|السعودية",
    "EG": "egypt|مصر",
    "MA": "morocco|maroc|المغرب",
    "ZA": "south africa|rsa",
    "NG": "nigeria",
    "KE": "kenya",
    "IN": "india|bharat|भारत",
    "PK": "pakistan",
    "BD": "bangladesh|বাংলাদেশ",
    "LK": "sri lanka",
    "ID": "indonesia",
    "MY": "malaysia",
    "SG": "singapore",
    "PH": "philippines|pilipinas",
    "TH": "thailand|ประเทศไทย",
    "VN": "vietnam|việt nam|viet nam",
    "JP": "japan|日本",
    "KR": "south korea|korea|대한민국|republic of korea",
    "CN": "china|中国",
    "TW": "taiwan|台灣",
    "HK": "hong kong|香港",
    "MX": "mexico|méxico",
    "BR": "brazil|brasil",
    "AR": "argentina",
    "CL": "chile",
    "CO": "colombia",
    "PE": "peru|perú",
    "UY": "uruguay",
    "EC": "ecuador",
    "VE": "venezuela",
}
_BY_NAME = {name: code for code, names in _NAMES.items() for name in names.split("|")}

_WORLDWIDE = frozenset(
    str.split(
        "ac ag ai am as bz cc cd cf co cx dj fm ga gg gl gq gs im io is la li ly me ml mn ms mu nu pw sc sh so st su sx "
        "tc tk tm to tt tv vc vg ws"
    )
)
"""Country-code domains that are used worldwide: no evidence."""

_BY_LANGUAGE = {
    language: country
    for pair in str.split(
        "ja:JP ko:KR pl:PL cs:CZ sk:SK hu:HU fi:FI da:DK sv:SE nb:NO nn:NO no:NO tr:TR el:GR he:IL uk:UA bg:BG hr:HR sl:SI "
        "lt:LT lv:LV et:EE is:IS th:TH vi:VN id:ID it:IT ro:RO ka:GE hy:AM"
    )
    for language, country in [pair.split(":")]
}
"""Languages that are mainly used by websites of one country."""


def country_code(text: str) -> str | None:
    """Return the ISO 3166-1 alpha-2 code of a country's name or code (``UK``, ``Deutschland``, ``us``), or None."""
    text = text.strip()
    if code := _BY_NAME.get(text.lower()):
        return code
    return text.upper() if len(text) == 2 and text.upper() in phonenumbers.SUPPORTED_REGIONS else None


def countries_of(*, address: str | None, host: str, language: str | None, numbers: list[str]) -> list[str]:
    """Return the countries that a page's national phone numbers may belong to, the likeliest first.

    In this order: the country code of its structured ``address``, the country-code domain of ``host``, the countries of
    international ``numbers`` on it, the region of its ``language`` tag (``en-GB``), the main country of its language.
    """
    domain = host.rpartition(".")[2]
    region = next((part for part in (language or "").split("-")[1:] if len(part) == 2), "")
    found = [
        address,
        None if domain in _WORLDWIDE else country_code("gb" if domain == "uk" else domain),
        *(_country_of_number(number) for number in numbers),
        country_code(region),
        _BY_LANGUAGE.get((language or "").partition("-")[0]),
    ]
    return list(dict.fromkeys(country for country in found if country))


def _country_of_number(number: str) -> str | None:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(parsed)
    return region if region in phonenumbers.SUPPORTED_REGIONS else None
