"""Phone numbers and the countries that they are read with."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.extraction.countries import countries_of, country_code
from scrapersky.extraction.phones import number_of, numbers_in, numbers_in_tel, numbers_of, without_repetitions


@pytest.mark.parametrize(
    ("text", "countries", "expected"),
    [
        ("+1 (251) 930-8621", [], "+12519308621"),
        ("+44 (0)20 8088 3641", [], "+442080883641"),
        ("0049 30 28471022", [], "+493028471022"),
        ("(251) 930-8621", ["US"], "+12519308621"),
        ("18654404081", ["US"], "+18654404081"),
        ("88001011741", ["RU"], "+78001011741"),
        ("8-800-101-17-41", ["RU"], "+78001011741"),
        ("020 8088 3641", ["GB"], "+442080883641"),
        ("%2B34%20658%20645%20102", [], "+34658645102"),
        ("5543999809716", [], "+5543999809716"),
        ("06 12 34 56 78", ["US", "FR"], "+33612345678"),
        ("9878032217", ["US"], "9878032217"),
        ("251 930 8621", [], "2519308621"),
        ("13 22 84", [], "132284"),
        ("1-800-FLOWERS", ["DE"], "+18003569377"),
        ("+1 (800) GO-FEDEX", [], "+18004633339"),
        ("+٩٦٦ ٥٠١٢٣٤٥٦٧", [], "+966501234567"),
        ("０３－１２３４－５６７８", ["JP"], "+81312345678"),
    ],
)
def test_a_labelled_number_is_read(text: str, countries: list[str], expected: str) -> None:
    assert number_of(text, countries) == expected


@pytest.mark.parametrize(
    "text", ["", "call us", "112", "0000000000", "1234567890", "123456789", "+1 999 999", "1" * 30]
)
def test_a_text_that_cannot_be_dialled_is_rejected(text: str) -> None:
    assert number_of(text, ["US"]) is None


@pytest.mark.parametrize(
    ("text", "countries", "expected"),
    [
        ("Call (251) 930-8621 now", ["US"], ["+12519308621"]),
        ("Tel. +49 30 28471022.", [], ["+493028471022"]),
        ("Tel:030/28471022", ["DE"], ["+493028471022"]),
        ("06.12.34.56.78", ["FR"], ["+33612345678"]),
        ("306-966-7126 or 306-244-7792", ["CA"], ["+13069667126", "+13062447792"]),
        ("(43) 99980-9716", ["BR"], ["+5543999809716"]),
        ("Tel: 030 28471022, Fax: 030 28471023", ["DE"], ["+493028471022"]),
        ("Telefax +49 30 28471023", [], []),
        ("T: 030 28471022\nF: 030 28471023", ["DE"], ["+493028471022"]),
        ("Mobil: 0172/821 59 73", ["DE"], ["+491728215973"]),
        ("Reference 0172/821 59 73", ["DE"], []),
        ("030 28471022 / 030 28471024", ["DE"], ["+493028471022", "+493028471024"]),
        ("Tlf: 91 123 45 67 / 600 123 456", ["ES"], ["+34911234567", "+34600123456"]),
        ("TEL:03-1234-5678", ["JP"], ["+81312345678"]),
        ("C.F. 01234567890, P.IVA 01234567890, REA 0123456789", ["IT"], []),
        ("KvK-nummer: 0201234567", ["NL"], []),
        ("(11) 9 1234-5678", ["BR"], ["+5511912345678"]),
        ("(12) 345 678 901", ["US"], []),
        ("Phone (Jane): 078500 35036", ["GB"], ["+447850035036"]),
        ("Tel No. 078500 35036", ["GB"], ["+447850035036"]),
        ("Tel./Fax: 0302/84710 22", ["DE"], ["+493028471022"]),
        ("Telefon und Fax 0302/84710 22", ["DE"], ["+493028471022"]),
        ("Tele-Fax: 030 28471023", ["DE"], []),
        ("Zalo: 0909.12.34.56, gọi ngay 09 0912 3457", ["VN"], ["+84909123456", "+84909123457"]),
        ("Telp. 0812 34567 891", ["ID"], ["+6281234567891"]),
        ("جوال: 05 5123 4567", ["SA"], ["+966551234567"]),
        ("联系电话：138 12 345678", ["CN"], ["+8613812345678"]),
        ("Cep: 05 322 345 678", ["TR"], ["+905322345678"]),
        ("CEP: 01310-100", ["BR"], []),
    ],
)
def test_numbers_are_found_in_text(text: str, countries: list[str], expected: list[str]) -> None:
    assert list(numbers_in(text, countries)) == expected


@pytest.mark.parametrize(
    ("text", "countries", "expected"),
    [
        ("Taxi: 030 28471022", ["DE"], ["+493028471022"]),
        ("Kontor: 030 28471022", ["DE"], ["+493028471022"]),
        ("Eindhoven/Regensburg: 030 28471022", ["DE"], ["+493028471022"]),
        ("Einkauf: 030 28471022", ["DE"], ["+493028471022"]),
        ("Order: (415) 226-2671", ["US"], ["+14152262671"]),
        ("Realty: (415) 226-2671", ["US"], ["+14152262671"]),
        ("Referrals: (415) 226-2671", ["US"], ["+14152262671"]),
        ("Ivan: (415) 226-2671", ["US"], ["+14152262671"]),
        ("Taxis: (415) 226-2671", ["US"], ["+14152262671"]),
        ("Reading: (415) 226-2671", ["US"], ["+14152262671"]),
        ("Organizer: (415) 226-2671", ["US"], ["+14152262671"]),
        ("Registration: (415) 226-2671", ["US"], ["+14152262671"]),
        ("VAT: 415-226-2671", ["US"], []),
        ("Tax ID: 415-226-2671", ["US"], []),
        ("EIN: 415-226-2671", ["US"], []),
        ("Order no.: 415-226-2671", ["US"], []),
        ("Order #: 415-226-2671", ["US"], []),
        ("Registration Number: 415-226-2671", ["US"], []),
        ("Ref.: 415-226-2671", ["US"], []),
        ("Customer-Nr.: 415-226-2671", ["US"], []),
        ("Steuernummer: 030 28471022", ["DE"], []),
        ("USt-IdNr.: 030 28471022", ["DE"], []),
        ("Umsatzsteuer-Identifikationsnummer: 030 28471022", ["DE"], []),
        ("Reg. No.: 030 28471022", ["DE"], []),
        ("Bestellnummer: 030 28471022", ["DE"], []),
        ("Kto.-Nr.: 030 28471022", ["DE"], []),
        ("Tel.06 69812345", ["IT"], ["+390669812345"]),
        ("Tél.01.23.45.67.89", ["FR"], ["+33123456789"]),
        ("Ph-080 26723456", ["IN"], ["+918026723456"]),
        ("Mob-98765 43210", ["IN"], ["+919876543210"]),
        ("Tel/030 28471022", ["DE"], ["+493028471022"]),
        ("Phone#415-226-2671", ["US"], ["+14152262671"]),
        ("电话010-12345678", ["CN"], ["+861012345678"]),
        ("Zentrale.+49 30 28471022", ["DE"], ["+493028471022"]),
        ("www.shop.03028471022.de", ["DE"], []),
        ("v1.030 28471022", ["DE"], []),
        ("415-226-2671x104", ["US"], ["+14152262671"]),
        ("415-226-2671ext104", ["US"], ["+14152262671"]),
        ("415-226-2671Ext. 104", ["US"], ["+14152262671"]),
        ("415-226-2671Fax: 415-226-2672", ["US"], ["+14152262671"]),
        ("415-226-2671Email", ["US"], ["+14152262671"]),
        ("415-226-2671Mobile", ["US"], ["+14152262671"]),
        ("415-226-2671传真", ["US"], ["+14152262671"]),
        ("ab415-226-2671cd", ["US"], []),
        ("Faks 030 28471022", ["DE"], []),
        ("Fax. 030 28471022", ["DE"], []),
        ("Fx: 030 28471022", ["DE"], []),
        ("Телефакс: 030 28471022", ["DE"], []),
        ("факс 030 28471022", ["DE"], []),
        ("Φαξ: 030 28471022", ["DE"], []),
        ("Télécopie : 030 28471022", ["DE"], []),
        ("Telefaks 030 28471022", ["DE"], []),
        ("(F) 030 28471022", ["DE"], []),
        ("传真： 030 28471022", ["DE"], []),
        ("FAX番号: 030 28471022", ["DE"], []),
        ("팩스 030 28471022", ["DE"], []),
        ("030 28471022 (Fax)", ["DE"], []),
        ("TELÉFONO Y FAX: 91 123 45 67", ["ES"], ["+34911234567"]),
        ("030 28471022 (Fax) 030 28471023", ["DE"], ["+493028471022"]),
        ("Phone/Fax: 030 28471022", ["DE"], ["+493028471022"]),
        ("Fax/Tel: 030 28471022", ["DE"], ["+493028471022"]),
        ("Ph/Fax: 030 28471022", ["DE"], ["+493028471022"]),
        ("Fax & Telefon: 030 28471022", ["DE"], ["+493028471022"]),
        ("Tel.+Fax: 030 28471022", ["DE"], ["+493028471022"]),
        ("Telefono e fax: 030 28471022", ["DE"], ["+493028471022"]),
        ("T/F: 030 28471022", ["DE"], ["+493028471022"]),
        ("P & F: 030 28471022", ["DE"], ["+493028471022"]),
        ("Fax, Tel: 030 28471022", ["DE"], ["+493028471022"]),
        ("Тел./факс: 8 (495) 123-45-67", ["RU"], ["+74951234567"]),
        ("Tel. 030 28471022/23", ["DE"], ["+493028471022", "+493028471023"]),
    ],
)
def test_a_label_decides_what_a_number_is(text: str, countries: list[str], expected: list[str]) -> None:
    assert list(numbers_in(text, countries)) == expected


@pytest.mark.parametrize(
    ("value", "country", "expected"),
    [
        ("(415) 226-2671, (415) 226-2672", "US", ["+14152262671", "+14152262672"]),
        ("(415) 226-2671 or (415) 226-2672", "US", ["+14152262671", "+14152262672"]),
        ("(415) 226-2671\n(415) 226-2672", "US", ["+14152262671", "+14152262672"]),
        ("030 28471022 / 030 28471024", "DE", ["+493028471022", "+493028471024"]),
        ("Tel. 030 28471022, Fax 030 28471024", "DE", ["+493028471022"]),
        ("0800 123 4567/68", "DE", ["+498001234567", "+498001234568"]),
        ("226-2671 or 226-2672", "US", ["2262671", "2262672"]),
        ("226-2671/226-2672", "US", ["2262671", "2262672"]),
        ("030 / 28471022", "DE", ["+493028471022"]),
        ("415-226-2671 ext. 104", "US", ["+14152262671"]),
        ("415-226-2671 ext. 10452", "US", ["+14152262671"]),
        ("1-800-FLOWERS", "US", ["+18003569377"]),
        ("Fax 030 28471024", "DE", []),
        ("+44 (0)20 8088 3641", "GB", ["+442080883641"]),
    ],
)
def test_every_number_of_a_labelled_value_is_read(value: str, country: str, expected: list[str]) -> None:
    assert numbers_of(value, [country]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Open since 12.05.2019",
        "2019-2024",
        "2024-01-15 10:30",
        "Order 251930862145678901",
        "$2,519,308.62",
        "lat 30.6944, long -88.0431",
        "IP 192.168.100.200",
        "VAT DE123456789",
        "photo_2519308621.jpg",
        "https://shop.com/?id=2519308621",
        "page 1 2 3 4 5 6 7 8 9 10",
    ],
)
def test_digits_of_other_meaning_are_ignored(text: str) -> None:
    assert list(numbers_in(text, ["US", "DE", "GB"])) == []


@pytest.mark.parametrize("text", ["2019-12-05", "© 2019-2024", "2019\u20132024", "31-12-99"])
def test_dates_are_ignored_in_countries_with_short_numbers(text: str) -> None:
    assert list(numbers_in(text, ["DK", "LU", "UY"])) == []


@pytest.mark.parametrize(
    ("url", "numbers"),
    [
        ("tel:+12025550143", ["+12025550143"]),
        ("TEL: 030/123 456", [" 030/123 456"]),
        ("callto:+12025550143", ["+12025550143"]),
        ("tel:+12025550143;ext=12", ["+12025550143"]),
        ("tel:+12025550143,,123456#", ["+12025550143"]),
        ("tel:+12025550143,+12025550144", ["+12025550143", "+12025550144"]),
        ("https://wa.me/12025550143?text=hi", ["+12025550143"]),
        ("https://api.whatsapp.com/send?text=hi&phone=%2B12025550143", ["+12025550143"]),
        ("https://wa.me/message/ABC", []),
        ("whatsapp://send?phone=12025550143", ["+12025550143"]),
        ("viber://chat?number=%2B12025550143", ["+12025550143"]),
        ("sms:+12025550143", ["+12025550143"]),
        ("tel:030%2028471022%20/%20030%2028471024", ["030 28471022", "030 28471024"]),
        ("tel:030 / 28471022", ["030 / 28471022"]),
        ("https://shop.com/?tel:1", []),
    ],
)
def test_numbers_are_read_from_phone_and_messenger_links(url: str, numbers: list[str]) -> None:
    assert list(numbers_in_tel(url)) == numbers


def test_a_number_with_and_without_its_country_code_is_listed_once() -> None:
    assert without_repetitions(["2519308621", "+12519308621", "0123", "+12519308621"]) == ["+12519308621", "0123"]


@pytest.mark.parametrize(
    ("text", "code"),
    [("US", "US"), ("us", "US"), ("UK", "GB"), (" Deutschland ", "DE"), ("Canada", "CA"), ("ZZ", None), ("", None)],
)
def test_a_country_is_recognised_by_its_names_and_codes(text: str, code: str | None) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("address", "host", "language", "numbers", "expected"),
    [
        ("ES", "shop.de", "fr-FR", ["+4312345678"], ["ES", "DE", "AT", "FR"]),
        (None, "shop.co.uk", "en-US", [], ["GB", "US"]),
        (None, "shop.com", "en", [], []),
        (None, "shop.io", "tr", [], ["TR"]),
        (None, "shop.de", "ja", [], ["DE", "JP"]),
        (None, "shop.com", "de", [], []),
        (None, "shop.co", "zh-Hant-TW", [], ["TW"]),
        (None, "shop.com", None, ["+1 251 930 8621", "+"], ["US"]),
    ],
)
def test_countries_are_ordered_by_the_strength_of_the_evidence(
    address: str | None, host: str, language: str | None, numbers: list[str], expected: list[str]
) -> None:
    assert countries_of(address=address, host=host, language=language, numbers=numbers) == expected


@pytest.mark.parametrize("piece", ["1-", "1", "(1", "1 ", "+1", "12345678 ", "251-930-8621 ", "1...", "fax "])
def test_a_megabyte_of_near_matches_takes_linear_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    began = time.process_time()
    list(numbers_in(text, ["US", "DE"]))
    assert time.process_time() - began < 5


@given(st.text(alphabet="0123456789+-() ./x٣\n\0", max_size=60), st.lists(st.sampled_from(["US", "DE", "BR"])))
def test_any_text_can_be_searched_for_numbers(text: str, countries: list[str]) -> None:
    for number in numbers_in(text, countries):
        assert number_of(number, []) == number
    number_of(text, countries)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Telefon0461 80799494", ["+4946180799494"]),
        ("Tel+49 461 80799494", ["+4946180799494"]),
        ("SKU0461 80799494", []),
    ],
)
def test_a_number_behind_its_label_without_a_blank_is_read_whole(text: str, numbers: list[str]) -> None:
    assert list(numbers_in(text, ["DE"])) == numbers
