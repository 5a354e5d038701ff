"""One expat parser's run, from where it starts to where the markup breaks, and the bytes it has not finished with."""

from dataclasses import dataclass
from xml.parsers import expat
from xml.parsers.expat import errors

from scrapersky.web.sitemaps.elements import Elements, TooDeepError
from scrapersky.web.sitemaps.limits import Limits

_ENDS_EARLY = {errors.XML_ERROR_NO_ELEMENTS, errors.XML_ERROR_UNCLOSED_TOKEN, errors.XML_ERROR_UNCLOSED_CDATA_SECTION}


@dataclass(frozen=True, slots=True)
class Break:
    """Where the markup broke: the whole text's byte and line, why, and the bytes from there that are still unread."""

    at: int
    line: int
    why: str
    rest: bytes
    at_a_tag: bool = False
    """Whether it broke at an end tag that is not the open element's: what came before it is whole."""


class Run:
    """A parser that starts at byte ``at`` in ``line`` of the text; ``inside_root`` when that is behind the root's start.

    The parser has no namespace separator, so that undeclared prefixes are legal, and loads nothing from outside.
    """

    def __init__(self, elements: Elements, limits: Limits, *, at: int, line: int, inside_root: bool) -> None:
        self._elements = elements
        self._limits = limits
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.specified_attributes = True
        self._parser = parser
        self._offset, self._line_offset = at, line - 1
        openers = elements.openers if inside_root else ()
        opened = "".join(f"<{name}>" for name in openers).encode()
        parser.Parse(opened, False)
        self._offset -= len(opened)
        self._window = bytearray()  # from the start of the token that the parser has not finished
        self._window_at = len(opened)
        self._window_line = 1
        elements.attach(parser, depth=len(openers))

    @property
    def at_rest(self) -> bool:
        """Whether the parser has finished with all it was fed."""
        return not self._window

    def skip(self, text: str) -> None:
        """Takes ``text``, whole elements, as parsed."""
        self._offset += len(text.encode("utf-8", "replace"))
        self._line_offset += text.count("\n")
        if "\r" in text:  # expat counts those, too
            self._line_offset += text.count("\r") - text.count("\r\n")

    def feed(self, data: bytes, *, final: bool) -> Break | None:
        """Parses ``data``; a break ends the run. What handlers raise, other than too deep nesting, passes through."""
        self._window += data
        try:
            self._parser.Parse(data, final)
        except expat.ExpatError as error:
            why = _why(error.code, final=final)
            if why != errors.XML_ERROR_TAG_MISMATCH:
                return self._break(self._parser.ErrorByteIndex, error.lineno, why)
            self._parser.buffer_text = False  # hands over the text that it has kept
            # Expat names the byte behind "</".
            return self._break(self._parser.ErrorByteIndex - 2, error.lineno, why, at_a_tag=True)
        except TooDeepError as error:
            return self._break(error.at, error.line, f"elements nested deeper than {self._limits.depth}")
        at = self._parser.CurrentByteIndex
        if at > self._window_at:
            del self._window[: at - self._window_at]
            self._window_at, self._window_line = at, self._parser.CurrentLineNumber
        if len(self._window) > self._limits.tag_bytes:
            return self._break(self._window_at, self._window_line, f"a tag longer than {self._limits.tag_bytes} bytes")
        return None

    def _break(self, at: int, line: int, why: str, *, at_a_tag: bool = False) -> Break:
        if self._elements.kind is None:  # the root's own tag may be what is broken: it must be looked at again
            at, line = self._window_at, self._window_line
        rest = bytes(self._window[max(0, at - self._window_at) :])
        return Break(self._offset + at, self._line_offset + line, why, rest, at_a_tag)


def _why(code: int, *, final: bool) -> str:
    why = expat.ErrorString(code) or f"error {code}"
    return "the body ends early" if final and why in _ENDS_EARLY else why
