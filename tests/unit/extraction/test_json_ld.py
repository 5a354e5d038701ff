"""JSON-LD as it is found on real pages."""

import time
from typing import Any

import pytest

from scrapersky.extraction.json_ld import MAX_VALUES, Graph, Node


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('{"a": 1}', [{"a": 1}]),
        (' [{"a": 1}] ', [[{"a": 1}]]),
        ('<!-- {"a": 1} -->', [{"a": 1}]),
        ('//<![CDATA[\n{"a": 1}\n//]]>', [{"a": 1}]),
        ('/*<![CDATA[*/{"a": 1}/*]]>*/', [{"a": 1}]),
        ('{"a": [1, 2,],}', [{"a": [1, 2]}]),
        ('{"a": 1};', [{"a": 1}]),
        ('{"a": 1}\n{"b": 2}', [{"a": 1}, {"b": 2}]),
        ('{"a": 1} trailing', [{"a": 1}]),
        ('{"a": "line\nbreak"}', [{"a": "line\nbreak"}]),
        ('{"a": "x --> y"}', [{"a": "x --> y"}]),
        ("", []),
        ("not json", []),
        ('{"a": ', []),
        ("[" * 100_000, []),
        ('{"a": NaN}', [{"a": None}]),
        ('{"a": 1}\n}', [{"a": 1}]),
        ('\ufeff{"a":\u00a01}', [{"a": 1}]),
        ('{"a": 1, // one\n /* two */ "b": "http://c"}', [{"a": 1, "b": "http://c"}]),
        ('{"a": "x"\n"b": {"c": 2} "d": [1 2]}', [{"a": "x", "b": {"c": 2}, "d": [1, 2]}]),
        ("{'a': 'it\\'s', b: true, c: none}", [{"a": "it's", "b": True, "c": "none"}]),
        ("{“a”: “x”, „b“: null}", [{"a": "x", "b": None}]),
        ('{"a": "the "best" shop", "b": 1,}', [{"a": 'the "best" shop', "b": 1}]),
        (r'{"a": "100\% \u00e4 \"q\" \\", "b": "Jo\'s",}', [{"a": '100% ä "q" \\', "b": "Jo's"}]),
        ('{"a": {"b": 1, "c": [2, "half a str', [{"a": {"b": 1, "c": [2]}}]),
        ('{"a": {"b": 1}, "c": 2', [{"a": {"b": 1}, "c": 2}]),
        ('{"a": [1, 2}, "b": 3}', [{"a": [1, 2]}]),
        ('var x = {"a": 1}; y([{"b": 2}])', [{"a": 1}, [{"b": 2}]]),
        ('{"schema:name": "x",}', [{"name": "x"}]),
        ("{&quot;@type&quot;: &quot;A&quot;,}", [{"@type": "A"}]),
        ('{"a": {{ price }}, "b": 1}', [{"a": {}, "b": 1}]),
    ],
)
def test_readable_values_of_a_script_are_parsed(script: str, expected: list[Any]) -> None:
    assert Graph.parse([script]).values == expected


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "{",
            "[",
            '{"a":',
            ",}",
            "<!--",
            " ",
            "]]>",
            "-->  ",
            '{"a":1}',
            "\\",
            '"',
            "'",
            '{"',
            "{'a",
            "/*",
            "//",
            "{}x",
        ),
        *('{"a" "', '["' + " " * 99, "{“", "[" * 99 + "]" * 99 + "x", "{" * 101 + "}" * 101, "[1 ", '{"a":"b"c'),
    ],
)
def test_a_megabyte_of_near_json_takes_linear_time(piece: str) -> None:
    script = piece * (1_000_000 // len(piece))
    began = time.process_time()
    Graph.parse([script])
    assert time.process_time() - began < 3


def test_nodes_are_found_at_any_depth_in_document_order() -> None:
    value = {"@graph": [{"@type": "A", "x": {"@type": "B"}}, {"@type": ["https://schema.org/C", "D"]}]}
    assert [node.types for node in Graph([value]).nodes] == [[], ["A"], ["B"], ["C", "D"]]


def test_nodes_below_a_related_property_are_not_the_sites_own() -> None:
    value = {"@type": "Product", "brand": {"@type": "Brand"}, "review": [{"author": {"@type": "Person"}}], "offers": {}}
    graph = Graph([value])
    assert [node.types for node in graph.nodes] == [["Product"], ["Brand"], [], ["Person"], []]
    assert [node.types for node in graph.own_nodes] == [["Product"], []]


def test_own_nodes_behind_thousands_of_related_ones_are_found() -> None:
    graph = Graph([{"review": [{}] * 2 * MAX_VALUES}, {"@type": "Organization"}])
    assert len(graph.nodes) < MAX_VALUES
    assert [node.types for node in graph.own_nodes] == [[], ["Organization"]]


def test_texts_are_read_from_many_shapes() -> None:
    node = Node({"x": ["a", " ", {"name": "b"}, {"@value": "c"}, 4, None, True, ["d"]]})
    assert node.texts("x") == ["a", "b", "c", "4"]
    assert node.text("missing", "x") == "a"
