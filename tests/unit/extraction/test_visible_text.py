"""The visible text of a page, line by line."""

import pytest

from scrapersky.extraction.visible_text import visible_text
from scrapersky.web.html import parse_html


def text_of(html: str, limit: int = 10_000) -> str:
    body = parse_html(html).body
    assert body is not None
    return visible_text(body, limit)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello <b>wo</b>rld</p>", "Hello world"),
        ("<div>one</div>two", "one\ntwo"),
        ("<table><tr><td>1<td>2</table>", "1\n2"),
        ("<small>E-mail</small><strong>jo@shop.com</strong>", "E-mail jo@shop.com"),
        ("<b>Mail</b>jo@shop.com", "Mail jo@shop.com"),
        ("<span><i>Correo</i></span>jo@shop.com", "Correo jo@shop.com"),
        ("Mail<b>jo@shop.com</b>", "Mail jo@shop.com"),
        ("jo<b>@</b>shop.com", "jo@shop.com"),
        ("<b>jo</b>.doe@shop.com", "jo.doe@shop.com"),
        ("j<!-- x -->o@shop.com", "jo@shop.com"),
        ("jim<wbr>jo@shop.com", "jimjo@shop.com"),
        ("jim<i style='display:none'>no</i>jo@shop.com", "jimjo@shop.com"),
        ("12<a href=#>jo@shop.com</a>made", "12\njo@shop.com\nmade"),
        ("a<br>b", "a\nb"),
        ("a\n  b\t&nbsp;c", "a b c"),
        ("jo<!-- x -->@shop<wbr>.c\u200bo\xadm", "jo@shop.com"),
        ("jo@<span style='color:red; display: none'>no</span>shop.com", "jo@shop.com"),
        ("<div style='display:none'>menu</div>", "menu"),
        ("a&nbsp;&nbsp;\u3000\r\n\x0b <b> </b> b", "a b"),
        (
            "a<script>var x</script><style>p{}</style><noscript>no</noscript><template>t</template><!-- c -->b",
            "a\n\n\n\nb",
        ),
        ("<svg><text>drawn</text></svg>b", "b"),
        ("<p>&lt;b&gt; &amp;</p>", "<b> &"),
    ],
)
def test_each_block_is_one_line_of_visible_text(html: str, text: str) -> None:
    assert text_of(html) == "\n".join(line for line in text.split("\n") if line)


def test_a_page_longer_than_the_limit_is_cut() -> None:
    assert len(text_of("<p>word</p>" * 10_000, limit=100)) == 100


def test_deep_nesting_does_not_exhaust_the_stack() -> None:
    assert text_of("<b>" * 1_000 + "deep") == "deep"
