"""The part ``alerts.mqtt``: where the broker is, and what must fit together in it."""

from __future__ import annotations

import ssl
from pathlib import Path as FilePath
from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, PlainValidator, Tag, WithJsonSchema

from counterpoise.config import units
from counterpoise.config.fields import Text
from counterpoise.config.section import Section
from counterpoise.config.shape import Shape, at_most_one, word_or_mapping
from counterpoise.config.units import Expected
from counterpoise.domain.access import BrokerAccess, Secret, TlsAccess

_PORT, _TLS_PORT = 1883, 8883
_LONGEST_TOPIC = 200


def host(value: object) -> str:
    """Return ``value`` when it can name a machine: a name or an address, without scheme and port."""
    expected = "a host such as localhost or 192.168.1.5"
    if not isinstance(value, str) or not value or not value.isprintable():
        raise Expected(expected)
    if "/" in value or " " in value or (value.count(":") == 1):
        raise Expected(expected, "only the host: the port has a key of its own")
    return value


def port(value: object) -> int:
    """Return ``value`` when it is the number of a port."""
    expected = "a port from 1 to 65535"
    try:
        made = units.count(value)
    except Expected:
        raise Expected(expected) from None
    if made > 65535:
        raise Expected(expected)
    return made


def topic(value: object) -> str:
    """Return ``value`` when topics can begin with it."""
    expected = "the beginning of a topic such as counterpoise or home/counterpoise"
    if not isinstance(value, str) or not value or len(value) > _LONGEST_TOPIC:
        raise Expected(expected)
    if value.startswith(("/", "$")) or value.endswith("/") or "//" in value:
        raise Expected(expected, "no / at either end, no empty part, no $ in front")
    if any(c in "+#" or not c.isprintable() for c in value):
        raise Expected(expected, "+ and # stand for any topic")
    return value


def _switch(value: object) -> str:
    if value not in {"on", "off"}:
        raise Expected("on, off, or files such as {ca_file: ca.pem}")
    return str(value)


Host = Annotated[
    str,
    PlainValidator(host),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
Port = Annotated[
    int,
    PlainValidator(port),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 65535}),
]
Topic = Annotated[str, PlainValidator(topic), WithJsonSchema({"type": "string", "minLength": 1})]


class TlsModel(Shape):
    """How the broker proves who it is, and we who we are; files in PEM, relative to the config file."""

    ca_file: Text | None = Field(
        default=None, description="whose certificates are trusted; default: whom the system trusts"
    )
    cert_file: Text | None = Field(
        default=None, description="our certificate, where the broker asks for one"
    )
    key_file: Text | None = Field(default=None, description="the private key of cert_file")


Tls = Annotated[
    Annotated[TlsModel, Tag("mapping")]
    | Annotated[
        Literal["on", "off"],
        PlainValidator(_switch),
        WithJsonSchema({"enum": ["on", "off"]}),
        Tag("word"),
    ],
    Discriminator(word_or_mapping),
]


class BrokerShape(Shape):
    """Where the broker is, and under which topics we publish."""

    model_config = ConfigDict(json_schema_extra=at_most_one("password", "password_file"))

    host: Host = Field(description="the broker's name or address, such as localhost")
    port: Port | None = Field(default=None, description="default 1883, with tls 8883")
    prefix: Topic = Field(default="counterpoise", description="what our topics begin with")
    discovery: Topic = Field(
        default="homeassistant",
        description="what Home Assistant's discovery topics begin with; off: it is told nothing",
    )
    user: Text | None = Field(default=None, description="who we are to the broker")
    password: Text | None = Field(default=None, description="the password of user, best as ${NAME}")
    password_file: Text | None = Field(
        default=None, description="a file that holds the password of user"
    )
    tls: Tls = Field(default="off", description="on, off, or files: {ca_file: ca.pem}")


def check_broker(section: Section) -> None:
    """Complain of a password of nobody, half a certificate, and files that are none."""
    for key in section.written("password", "password_file"):
        if not section.has("user"):
            section.complain_of_key(key, "user beside it", "add user")
    tls = section.at("tls")
    if tls.has("key_file") and not tls.has("cert_file"):
        tls.complain(("cert_file",), "the certificate that key_file belongs to")
    for key in ("ca_file", "cert_file", "key_file"):
        _check_file(tls, key)


def _check_file(tls: Section, key: str) -> None:
    name = tls.word(key)
    if not name:
        return
    expected = "a readable file in PEM"
    try:
        content = _resolved(tls.document.path, name).read_bytes()
    except FileNotFoundError:
        tls.complain((key,), expected, was=f"missing: {name}")
        return
    except (OSError, ValueError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "no path"
        tls.complain((key,), expected, was=f"{why}: {name}")
        return
    if b"-----BEGIN " not in content:
        tls.complain((key,), expected, was=f"something else: {name}")
    elif key == "ca_file":
        try:
            ssl.create_default_context(cadata=content.decode())
        except (ssl.SSLError, ValueError):
            tls.complain((key,), "certificates in PEM", was=f"something else: {name}")


def broker(model: BrokerShape, password: Secret | None, file: FilePath) -> BrokerAccess:
    """Return how the broker is reached; paths are relative to the config ``file``."""
    tls = None
    if isinstance(model.tls, TlsModel):
        named = {key: _found(file, name) for key, name in model.tls}
        tls = TlsAccess(**named)
    elif model.tls == "on":
        tls = TlsAccess()
    return BrokerAccess(
        host=model.host,
        port=model.port or (_PORT if tls is None else _TLS_PORT),
        prefix=model.prefix,
        discovery=None if model.discovery == "off" else model.discovery,
        user=model.user,
        password=password,
        tls=tls,
    )


def _found(file: FilePath, name: str | None) -> str | None:
    return None if name is None else str(_resolved(file, name))


def _resolved(file: FilePath, name: str) -> FilePath:
    return (file.parent / FilePath(name).expanduser()).absolute()
