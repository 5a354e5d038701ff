"""The type of a page by its path, in the languages of the corpus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.web.page_type import PageType, page_type_of


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "page"),
        ("/contact", "contact"),
        ("/contact/", "contact"),
        ("/contact-us.html", "contact"),
        ("/de/kontakt/", "contact"),
        ("/%D0%BA%D0%BE%D0%BD%D1%82%D0%B0%D0%BA%D1%82%D1%8B/", "contact"),
        ("/iletisim/", "contact"),
        ("/ueber-uns/", "about"),
        ("/about-us.php", "about"),
        ("/hakkimizda/index.html", "about"),
        ("/our-story/", "about"),
        ("/impressum/", "legal"),
        ("/privacy-policy", "legal"),
        ("/datenschutzerklaerung/", "legal"),
        ("/jobs/driver", "career"),
        ("/contact/berlin", "contact"),
        ("/shop/index.html", "page"),
        ("/v1.2/notes", "page"),
        ("/blog/", "post"),
        ("/story/the-old-mill", "post"),
        ("/blog/category/chairs/", "category"),
        ("/blog/tag/wood/", "tag"),
        ("/blog/products/our-new-saw", "post"),
        ("/collections/all/products/red-shoe", "product"),
        ("/collections/shoes", "category"),
        ("/nous-contacter", "contact"),
        ("/qui-sommes-nous/", "about"),
        ("/politique-de-confidentialite/", "legal"),
        ("/karriere", "career"),
        ("/blog/contact-lenses", "post"),
        ("/blog/2024/05/a-post/", "post"),
        ("/2024/05/06/a-post/", "post"),
        ("/product/garden-chair", "product"),
        ("/products/about-time-clock", "product"),
        ("/product-category/chairs/", "category"),
        ("/category/news/", "category"),
        ("/tag/wood/", "tag"),
        ("/wp-content/uploads/team.JPG", "image"),
        ("/films/intro.mp4", "video"),
        ("/terms.pdf", "pdf"),
        ("/services/roofing", "page"),
    ],
)
def test_a_path_has_the_expected_page_type(path: str, kind: str) -> None:
    assert page_type_of(path).value == kind


@given(st.text(max_size=200))
def test_any_path_has_a_page_type(path: str) -> None:
    assert page_type_of(f"/{path}") in PageType
