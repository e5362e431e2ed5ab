"""The base of every model: its JSON object, and the forms it can be turned into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, cast

from attrs import Attribute, field, fields, frozen

from .._core.annotations import readable
from .._core.names_advice import NamesAdvice
from .._json.fields import is_member

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from .call_meta import CallMeta

__all__ = ["Model"]


class _Exchange:
    # Not attributes of attrs: they are part of no copy, no comparison and no serializer's work.
    __slots__ = ("_contradictions", "_exchange")


@frozen(kw_only=True, eq=False, repr=False)
class Model(NamesAdvice, _Exchange):
    """The base of all models and events.

    >>> from inventpay import Limit
    >>> limit = Limit.from_json('{"limit": 1000, "used": "0.10"}')
    >>> limit
    Limit(limit=Decimal('1000'), used=Decimal('0.10'), remaining=Decimal('999.90'))
    >>> limit.to_json()
    '{"limit":1000,"used":0.10,"remaining":999.90}'
    """

    raw: Mapping[str, Any] = field(factory=dict[str, Any], eq=False, repr=False)
    """JSON object that the model was made from, unknown members included, with fractions as ``Decimal``."""
    unread: tuple[str, ...] = field(default=(), eq=False, repr=False)
    """JSON paths, such as ``"$.data.expiresAt"``, of members that were there and could not be read. They read ``None``,
    or the default of the attribute; ``raw`` has their values."""

    @property
    def meta(self) -> CallMeta | None:
        """Exchange that the result came from: status, headers, attempts.

        ``None`` on parts of a result, on copies, and on models that no call returned.
        """
        exchange = getattr(self, "_exchange", None)
        if exchange is None:
            return None
        # Most programs never ask, so its class is not loaded with the models.
        from .call_meta import meta_of

        return meta_of(exchange)

    @property
    def contradictions(self) -> tuple[str, ...]:
        """Members of the answer that contradict the request, in words with both values.

        Empty without ``answer_checks="warn"``, and on parts of a result and copies.
        """
        return getattr(self, "_contradictions", ())

    @contradictions.setter
    def contradictions(self, value: tuple[str, ...]) -> None:
        # Reached by object.__setattr__ only: models are frozen.
        object.__setattr__(self, "_contradictions", value)

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        # Callers get instances of models whose class they never name.
        readable(cls.__init__)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Yield the names and values of :meth:`to_dict`: ``dict(payment)`` is the same as ``payment.to_dict()``."""
        return iter(self.to_dict().items())

    def to_dict(self, *, wire: bool = False) -> dict[str, Any]:
        """Return the attributes as a dict, without ``raw``, ``unread``, ``meta`` and ``contradictions``.

        Parts are dicts and lists; ``Decimal``, ``datetime`` and ``None`` stay. ``wire=True`` names the members as the
        API does. A table: ``pandas.DataFrame(payment.to_dict() for payment in payments)``.
        """
        return self._members(wire=wire, with_none=True)

    def to_json(self) -> str:
        """Return JSON text that ``from_json`` reads back: names of the API, exact numbers, ``None`` left out.

        It holds secrets that the model has, such as ``WebhookConfig.secret``.
        """
        from .._json.model_text import write_model

        return write_model(self._members(wire=True, with_none=False))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the model of JSON text: that of ``to_json``, or a body of the API, in any documented variant.

        Raises DecodeError for text that is no such object, and InvalidArgumentError for anything but text or bytes.
        """
        from .._json.model_text import parse_model

        return cls._from_document(parse_model(text))

    @classmethod
    def _from_document(cls, document: object) -> Self:
        """Return the model of a parsed JSON document. Raises DecodeError."""
        # The readers know the API, which lies above the models.
        from importlib import import_module

        return cast(Self, import_module("inventpay._api.model_readers").read_document(cls, document))

    def _members(self, *, wire: bool, with_none: bool) -> dict[str, Any]:
        """Return the members of the dict, or of the JSON object."""
        members: dict[str, Any] = {}
        for attribute in _shown(type(self)):
            value = getattr(self, attribute.name)
            if value is not None or with_none:
                name = _camel(attribute.name) if wire else attribute.name
                members[name] = _plain(value, wire=wire, with_none=with_none)
        return members

    def __repr__(self) -> str:
        shown = [f"{name}={_without_enums(value)!r}" for name, value in self._displayed()]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # IPython and Jupyter call it: the text of repr(), on several lines where one would be too long.
        del cycle  # Models are frozen, so none can hold itself.
        kind = type(self).__name__
        with printer.group(4, f"{kind}(", ")"):
            for number, (name, value) in enumerate(self._displayed()):
                if number:
                    printer.text(",")
                    printer.breakable()
                else:
                    printer.breakable("")
                printer.text(f"{name}=")
                printer.pretty(_without_enums(value))

    def _displayed(self) -> Iterator[tuple[str, Any]]:
        """Yield the names and values that ``repr()`` shows: ids first, and nothing that is empty."""
        for attribute in sorted(_shown(type(self)), key=_comes_later):
            if attribute.repr and not _is_empty(value := getattr(self, attribute.name)):
                yield attribute.name, value

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # pydantic asks for it, so pydantic is there.
        from .._json.pydantic_schema import core_schema_of

        return core_schema_of(cls, handler)

    @classmethod
    def _wire_names(cls, members: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON object of a dict of either naming: that of ``to_dict``, or one of the API."""
        from .._json.model_text import wire_names

        return wire_names(cls, members)


def _shown(model: type[Model]) -> list[Attribute[Any]]:
    return [attribute for attribute in fields(model) if is_member(attribute)]


def _comes_later(attribute: Attribute[Any]) -> bool:
    return not (attribute.name == "id" or attribute.name.endswith("_id"))


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, (tuple, Mapping)) and not value)


def _without_enums(value: object) -> object:
    # The repr of an enum's member shows its class.
    if isinstance(value, tuple):
        return tuple(map(_without_enums, cast("Sequence[object]", value)))
    return str(value) if isinstance(value, str) else value


def _plain(value: Any, *, wire: bool, with_none: bool) -> Any:
    if isinstance(value, Model):
        return value._members(wire=wire, with_none=with_none)  # pyright: ignore[reportPrivateUsage]
    if isinstance(value, tuple):
        items = cast("Sequence[Any]", value)
        return [_plain(item, wire=wire, with_none=with_none) for item in items]
    if isinstance(value, Mapping):
        held = cast("Mapping[str, Any]", value)
        return {name: _plain(item, wire=wire, with_none=with_none) for name, item in held.items()}
    return value


def _camel(name: str) -> str:
    from .._json.structuring import camel

    return camel(name)
