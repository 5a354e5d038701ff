"""Every regular expression and every public function of the code that reads foreign text takes linear time.

Both are found by looking through the modules, so that a new one is tested without being listed here. They run on strings
made from the expressions (:mod:`tests.unit.web.attack_strings`). Processor time is compared as in test_linear.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from random import Random
from types import FunctionType, ModuleType
from typing import Any, get_type_hints

import pytest

import api
import contact_scheduler
import domain_scheduler
import domain_sitemap_submission
import page_scheduler
import scrapersky
import sitemap_import_scheduler
import sitemap_scheduler
from domain_scheduler.tech_stack import DETECTORS
from scrapersky.extraction.json_ld import Graph, Node
from scrapersky.extraction.page import HtmlPage
from scrapersky.settings import Settings
from scrapersky.web.fetched import Fetched, Headers
from tests.unit.web.attack_strings import attack_strings, of_size
from tests.unit.web.test_linear import MAX_RATIO, TRIES, cost

PACKAGES = (
    *(scrapersky, domain_scheduler, sitemap_scheduler, sitemap_import_scheduler, domain_sitemap_submission, api),
    *(page_scheduler, contact_scheduler),
)
NOT_IMPORTED = re.compile(r"\.migrations|\.handler$|\.__main__$")
METHODS = frozenset(("search", "match", "fullmatch", "sub", "split", "findall", "finditer"))
SIZE = 4_000
"""Characters of the smallest input."""
CERTAINLY_LINEAR = 0.03
"""Seconds for four times SIZE below which nothing is compared: 16,000² steps take longer."""
MAX_ATTACKS = 40
"""Strings on which one expression or function runs: chosen at random, but always the same ones."""

URL = "https://example.com/a/"
Pattern = re.Pattern[Any]


@cache
def modules() -> tuple[ModuleType, ...]:
    names = (
        found.name for package in PACKAGES for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    )
    return tuple(importlib.import_module(name) for name in names if not NOT_IMPORTED.search(name))


def patterns_in(value: object, depth: int = 3) -> Iterator[Pattern]:
    match value:
        case re.Pattern():
            yield value
        case dict() if depth:
            for each in value.values():
                yield from patterns_in(each, depth - 1)
        case list() | tuple() | frozenset() if depth:
            for each in value:
                yield from patterns_in(each, depth - 1)


@cache
def expressions() -> dict[Pattern, tuple[str, set[str]]]:
    """Return {expression: (where it is, the methods that are called on it)}."""
    found: dict[Pattern, tuple[str, set[str]]] = {
        detector.pattern: (f"detectors.tsv {number} {detector.name}", {"search"})
        for number, detector in enumerate(DETECTORS)
    }
    for module in modules():
        for name, value in vars(module).items():
            for pattern in patterns_in(value):
                found.setdefault(pattern, (f"{module.__name__}.{name}", set()))
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
                note_call(module, node, node.func, found)
    return found


def note_call(
    module: ModuleType, call: ast.Call, function: ast.Attribute, found: dict[Pattern, tuple[str, set[str]]]
) -> None:
    owner = function.value
    while isinstance(owner, ast.Subscript):
        owner = owner.value
    if not isinstance(owner, ast.Name):
        return
    if owner.id == "re" and isinstance(call.args[0], ast.Constant):
        where = f"{module.__name__}:{call.lineno}"
        found.setdefault(re.compile(call.args[0].value), (where, set()))[1].add(function.attr)
    for pattern in patterns_in(vars(module).get(owner.id)):
        found[pattern][1].add(function.attr)


def functions() -> dict[str, Callable[..., object]]:
    """Return the public functions of the modules that have an expression and whose parameters :func:`filled` knows."""
    with_expressions = {where.rpartition(".")[0] for where, _ in expressions().values()}
    return {
        f"{module.__name__}.{name}": value
        for module in modules()
        if module.__name__ in with_expressions
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__ and not name.startswith("_")
        if arguments(value, "x") is not None
    }


def arguments(function: Callable[..., object], text: str) -> dict[str, Any] | None:
    """Return arguments in which ``text`` is wherever foreign text may be, or None."""
    try:
        hints = get_type_hints(function, localns={"HtmlPage": HtmlPage})
    except NameError:  # a type that is imported for mypy only
        return None
    found: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        argument = argument_of(name, hints.get(name), text)
        if argument is not None:
            found[name] = argument
        elif parameter.default is inspect.Parameter.empty and parameter.kind is not inspect.Parameter.VAR_POSITIONAL:
            return None
    return found or None


def argument_of(name: str, kind: Any, text: str) -> Any:
    known: dict[str, Any] = {
        "base": URL, "url": URL, "countries": ["DE", "US"], "country": "DE", "limit": 1_000, "host": "example.com",
        "page_type": None, "depth": None,
    }  # fmt: skip
    if name in known:
        return known[name]
    made: dict[Any, Callable[[], Any]] = {
        bytes: lambda: text.encode("utf-8", "surrogateescape"),
        HtmlPage: lambda: page_with(text),
        Fetched: lambda: fetched_with(text),
        Graph: lambda: Graph([{"@type": "Store", "name": text, "telephone": text, "openingHours": text}]),
        Node: lambda: Node({"@type": "Store", "name": text, "openingHours": text, "url": text}),
        Settings: Settings,
    }
    if kind in made:
        return made[kind]()
    if kind in (str, str | None):
        return text
    shown = str(kind)
    if re.fullmatch(r"(?:collections\.abc\.)?(?:Sequence|Iterable|Iterator|list|tuple)\[str(?:, \.\.\.)?\]", shown):
        return [text]
    return {"content-type": text, "refresh": text} if "Mapping[str, str]" in shown else None


@cache
def page_with(text: str) -> HtmlPage:
    quoted = text.replace("&", "&amp;").replace('"', "&quot;")
    escaped = quoted.replace("<", "&lt;")
    html = (
        f'<title>{escaped}</title><meta name=generator content="{quoted}"><meta http-equiv=refresh content="{quoted}">'
    )
    html += f'<a href="{quoted}" onclick="tel:{quoted}">{escaped}</a><script>{text}</script><img alt="{quoted}">'
    return HtmlPage.parse(f"{html}<p>{escaped}</p>", URL, 500_000)


def fetched_with(text: str) -> Fetched:
    body = text.encode("utf-8", "surrogateescape")
    headers = Headers([("Content-Type", text[:8_000]), ("Refresh", text[:8_000])])
    return Fetched(200, URL, URL, (), headers, body, False, len(body))


def run(function: Callable[..., object], text: str) -> None:
    try:
        result = function(**(arguments(function, text) or {}))
        if isinstance(result, Iterator):
            list(result)
    except Exception:
        return  # what it makes of the text is tested elsewhere


def apply(pattern: Pattern, methods: set[str], text: str) -> None:
    subject: Any = text if isinstance(pattern.pattern, str) else text.encode("utf-8", "surrogateescape")
    for method in methods or {"search"}:
        if method == "sub":
            pattern.sub(subject[:0], subject)
        elif method == "finditer":
            list(pattern.finditer(subject))
        else:
            getattr(pattern, method)(subject)


def some_of(attacks: Iterable[str], name: str) -> list[str]:
    known = sorted(set(attacks))
    return Random(name).sample(known, min(MAX_ATTACKS, len(known)))


def assert_linear(work: Callable[[str], object], attack: str, tries: int = TRIES, size: int = SIZE) -> None:
    """Raise AssertionError if ``work`` takes more than linear time on ``attack`` at one, two and four times ``size``."""
    texts = [of_size(attack, times * size) for times in (1, 2, 4)]
    if cost(work, texts[2]) < CERTAINLY_LINEAR:
        return
    least = [cost(work, text) for text in texts]
    for _ in range(tries):
        if least[2] <= MAX_RATIO * least[0] + 0.02 and least[1] <= MAX_RATIO / 2 * least[0] + 0.02:
            return
        least = [min(known, cost(work, text)) for known, text in zip(least, texts, strict=True)]
    raise AssertionError(f"{attack!r} at 1, 2 and 4 times {size} characters costs {least} seconds")


@pytest.mark.parametrize("pattern", expressions(), ids=lambda pattern: expressions()[pattern][0])
def test_an_expression_takes_linear_time_on_strings_made_to_attack_it(pattern: Pattern) -> None:
    where, methods = expressions()[pattern]
    for attack in some_of(attack_strings(pattern), where):
        assert_linear(lambda text: apply(pattern, methods, text), attack)


@pytest.mark.parametrize("name", functions())
def test_a_function_takes_linear_time_on_strings_that_attack_the_expressions_around_it(name: str) -> None:
    function = functions()[name]
    near = [each for each, (where, _) in expressions().items() if where.rpartition(".")[0] == function.__module__]
    for attack in some_of((attack for pattern in near for attack in attack_strings(pattern)), name):
        assert_linear(lambda text: run(function, text), attack)


def test_expressions_and_functions_are_found() -> None:
    assert len(expressions()) > 350
    assert len(functions()) > 60
    assert {"scrapersky.web.urls.normalise_url", "scrapersky.extraction.phones.numbers_in"} <= functions().keys()


@pytest.mark.parametrize(("text", "size"), [(r"map[^?]*\.xml\Z", SIZE), (r"\s+\Z", SIZE // 2), ("<(?:[^>]*x)?>", SIZE)])
def test_an_expression_that_is_not_linear_is_found_out(text: str, size: int) -> None:
    pattern = re.compile(text)

    def attacked() -> None:
        for attack in attack_strings(pattern):
            assert_linear(lambda string: apply(pattern, {"search"}, string), attack, tries=1, size=size)

    with pytest.raises(AssertionError, match="costs"):
        attacked()
