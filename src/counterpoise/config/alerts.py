"""The section ``alerts``: where alerts go, which of them, and when.

Each kind of sink is a shape of its own that extends :class:`SinkModel`; its key is the sink's name. What a sink does
not say of quiet hours and rate is as for all; the log is told everything at once unless it says otherwise itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, time, timedelta, tzinfo
from pathlib import Path as FilePath
from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, PlainValidator, Tag, WithJsonSchema

from counterpoise.config import times
from counterpoise.config.broker import BrokerShape, broker, check_broker
from counterpoise.config.fields import ENV, Count, Duration, Text
from counterpoise.config.outlets import (
    HIDDEN,
    ServiceShape,
    TelegramShape,
    WebhookShape,
    is_url,
    outlet_secrets,
    services,
    telegram,
    webhook,
)
from counterpoise.config.problems import nearest, one_of
from counterpoise.config.reading import Document
from counterpoise.config.reports import Reports, report_plan
from counterpoise.config.secrets import secret
from counterpoise.config.section import Section
from counterpoise.config.settings import AlertSettings
from counterpoise.config.shape import Shape, exactly_one, word_or_mapping
from counterpoise.config.templates import Templates, check_templates, templates
from counterpoise.config.units import Expected
from counterpoise.domain.access import HeartbeatAccess, Secret
from counterpoise.domain.categories import Category
from counterpoise.domain.events import Severity
from counterpoise.domain.leaks import secret_parts
from counterpoise.domain.routing import DEFAULT_RATE, QuietHours, Route, SinkPolicy

_HEARTBEAT_EVERY = timedelta(minutes=1)


def route(value: object) -> Route:
    """Return ``on``, ``silent`` or ``off`` as a Route."""
    known = [r.value for r in Route]
    if not isinstance(value, str) or value not in known:
        near = nearest(value, known) if isinstance(value, str) else None
        raise Expected(one_of(known), f"did you mean {near!r}?" if near else "")
    return Route(value)


def _never(value: object) -> str:
    if value != "never":
        raise Expected("never, or hours such as {from: 22:00, to: 07:00}")
    return "never"


RouteWord = Annotated[
    Route, PlainValidator(route), WithJsonSchema({"enum": [r.value for r in Route]})
]
ClockTime = Annotated[
    time,
    PlainValidator(times.clock_time),
    WithJsonSchema({"type": "string", "pattern": rf"^(\d\d:\d\d|{ENV})$", "examples": ["22:00"]}),
]
Zone = Annotated[
    tzinfo,
    PlainValidator(times.zone),
    WithJsonSchema({"type": "string", "examples": ["Europe/Berlin"]}),
]


class RoutingModel(Shape):
    """What becomes of an alert: on, silent (no sound) or off. Its category goes before its severity."""

    info: RouteWord | None = Field(default=None, description="what is only to be known")
    warning: RouteWord | None = Field(default=None, description="what may need you")
    critical: RouteWord | None = Field(default=None, description="what needs you now")
    hedge: RouteWord | None = Field(default=None, description="a hedge opened, adjusted, closed")
    ladder: RouteWord | None = Field(default=None, description="how a position is being moved")
    conversion: RouteWord | None = Field(default=None, description="spot instead of futures")
    margin: RouteWord | None = Field(
        default=None, description="how far liquidation is, and what is done about it"
    )
    collateral: RouteWord | None = Field(default=None, description="money moved, or missing")
    carry: RouteWord | None = Field(default=None, description="funding, basis, cross hedges")
    orders: RouteWord | None = Field(
        default=None, description="without a proven outcome, refused, not taken"
    )
    data: RouteWord | None = Field(default=None, description="not answered, old, not believed")
    foreign: RouteWord | None = Field(default=None, description="what others did in the account")
    flow: RouteWord | None = Field(default=None, description="deposits and withdrawals")
    state: RouteWord | None = Field(
        default=None, description="the trading state, and what lowered it"
    )
    operator: RouteWord | None = Field(
        default=None, description="what people said, and what waits for their answer"
    )
    ownership: RouteWord | None = Field(default=None, description="which process may write")
    lifecycle: RouteWord | None = Field(default=None, description="start, stop, recovery, keys")
    report: RouteWord | None = Field(default=None, description="regular reports")
    other: RouteWord | None = Field(default=None, description="what another version raised")


class QuietModel(Shape):
    """Hours by the clock of the zone that hold back, until their end, what is neither critical nor a request."""

    from_: ClockTime = Field(alias="from", description="when it becomes quiet: 22:00")
    to: ClockTime = Field(description="when it is over: 07:00")


Quiet = Annotated[
    Annotated[QuietModel, Tag("mapping")]
    | Annotated[
        Literal["never"], PlainValidator(_never), WithJsonSchema({"const": "never"}), Tag("word")
    ],
    Discriminator(word_or_mapping),
]


class SinkModel(Shape):
    """What every sink may say."""

    routing: RoutingModel = Field(
        default=RoutingModel(),
        description="what goes there, by severity and category: {info: silent, ladder: off}; default on",
    )
    quiet: Quiet | None = Field(
        default=None, description="hours of its own: {from: 22:00, to: 07:00}, or never"
    )
    rate: Count | None = Field(
        default=None, description="messages within any minute at most; more are put together"
    )


class LogModel(SinkModel):
    """The log, which is always there. It is told everything at once, unless this says otherwise."""


class MqttModel(BrokerShape, SinkModel):
    """An MQTT broker: events, the state of each portfolio, whether looks are completed; Home Assistant finds them."""


class HeartbeatModel(Shape):
    """A URL that is asked for as long as looks are completed: its silence says that they are not."""

    model_config = ConfigDict(json_schema_extra=exactly_one("url", "url_file"))

    url: Text | None = Field(default=None, description="what is asked for (GET), best as ${NAME}")
    url_file: Text | None = Field(default=None, description="a file that holds the URL")
    every: Duration | None = Field(
        default=None, description="how often at most, after a completed look; default 1m"
    )


class TelegramModel(TelegramShape, SinkModel):
    """A Telegram bot, and the chats it writes to; each chat is a sink of its own."""


class WebhookModel(WebhookShape, SinkModel):
    """An address of yours that takes alerts as JSON, signed."""


class ServiceModel(ServiceShape, SinkModel):
    """A service that Apprise sends to."""


Service = Annotated[
    Annotated[ServiceModel, Tag("mapping")] | Annotated[Text, Tag("word")],
    Discriminator(word_or_mapping),
]


class AlertsModel(Shape):
    """Where alerts go, which of them, and when."""

    zone: Zone | None = Field(
        default=None,
        description="the zone of times in messages, of quiet hours and reports: Europe/Berlin; default UTC",
    )
    quiet: QuietModel | None = Field(
        default=None, description="hours for every sink but the log: {from: 22:00, to: 07:00}"
    )
    rate: Count | None = Field(
        default=None, description="messages within any minute, per sink but the log; default 20"
    )
    log: LogModel = Field(default=LogModel(), description="the log of the process")
    mqtt: MqttModel | None = Field(
        default=None, description="an MQTT broker: {host: localhost, user: counterpoise, ...}"
    )
    telegram: TelegramModel | None = Field(
        default=None, description="a Telegram bot: {token_file: bot.token, chats: [123456789]}"
    )
    webhook: WebhookModel | None = Field(
        default=None, description="a signed webhook: {url: ..., secret_file: webhook.secret}"
    )
    notify: list[Service] | None = Field(
        default=None,
        min_length=1,
        description="addresses for Apprise (mail, ntfy, Slack, ...): [${MAIL_URL}, {url: ..., routing: ...}]",
    )
    templates: Templates = Field(
        default={},
        description="words of your own by kind of alert: {hedge_opened: {title: '{asset} hedged'}}",
    )
    heartbeat: HeartbeatModel | None = Field(
        default=None, description="a dead man's switch: {url_file: heartbeat.url, every: 1m}"
    )
    reports: Reports | None = Field(
        default=None,
        description="regular reports: {daily: 08:00, weekly: monday 08:00} (default), each may be off; or off",
    )


#: Keys of ``alerts`` that are sinks.
SINKS = ("log", "mqtt", "telegram", "webhook")


def check_alerts(section: Section) -> None:
    """Complain of quiet hours that last no time, and of what does not fit together in a sink."""
    if section.is_mapping("mqtt"):
        check_broker(section.at("mqtt"))
    check_templates(section.at("templates"))
    for part in (section, *(section.at(name) for name in SINKS), *section.items("notify")):
        start = part.read(times.clock_time, "quiet", "from")
        end = part.read(times.clock_time, "quiet", "to")
        if start is not None and start == end:
            part.complain(("quiet", "to"), "another time than from")


def alert_secrets(document: Document, warnings: list[str]) -> Mapping[str, Secret]:
    """Return the credentials of the sinks, by their path below ``alerts``; one that is not there is absent."""
    made = outlet_secrets(document, warnings)
    if _is_mapping(document, "mqtt"):
        made["mqtt.password"] = secret(
            document, ("alerts", "mqtt"), "password", needed=False, warnings=warnings
        )
    if _is_mapping(document, "heartbeat"):
        url = secret(document, ("alerts", "heartbeat"), "url", needed=True, warnings=warnings)
        if url is not None and not is_url(url.reveal()):
            key = "url" if document.find(("alerts", "heartbeat", "url")) is not None else "url_file"
            expected = "an address such as https://example.org/ping/1234"
            document.complain(("alerts", "heartbeat", key), expected, was=HIDDEN)
        made["heartbeat.url"] = url
    return {path: value for path, value in made.items() if value is not None}


def alerts(model: AlertsModel, secrets: Mapping[str, Secret], file: FilePath) -> AlertSettings:
    """Return what the section comes to; paths in it are relative to the config ``file``."""
    policies = {"log": _policy(model.log, model.log.quiet, model.log.rate, _zone(model))}
    if model.mqtt is not None:
        policies["mqtt"] = policy(model, model.mqtt)
    bot = telegram(model.telegram, secrets) if model.telegram is not None else None
    if model.telegram is not None and bot is not None:
        policies |= dict.fromkeys(bot.chats, policy(model, model.telegram))
    if model.webhook is not None:
        policies["webhook"] = policy(model, model.webhook)
    notify = services(secrets)
    for name, own in zip(notify, model.notify or (), strict=True):
        policies[name] = policy(model, own if isinstance(own, SinkModel) else SinkModel())
    urls = [value.reveal() for value in secrets.values() if "://" in value.reveal()]
    url = secrets.get("heartbeat.url")
    return AlertSettings(
        zone=_zone(model),
        policies=policies,
        mqtt=broker(model.mqtt, secrets.get("mqtt.password"), file) if model.mqtt else None,
        heartbeat=HeartbeatAccess(url=url, every=model.heartbeat.every or _HEARTBEAT_EVERY)
        if model.heartbeat is not None and url is not None
        else None,
        telegram=bot,
        webhook=webhook(secrets) if model.webhook is not None else None,
        notify=notify,
        templates=templates(model.templates),
        reports=report_plan(model.reports, model.zone),
        secrets=(*secrets.values(), *(part for one in urls for part in secret_parts(one))),
    )


def policy(model: AlertsModel, own: SinkModel) -> SinkPolicy:
    """Return how a sink other than the log is served: as ``own`` says, else as for all."""
    quiet = own.quiet if own.quiet is not None else model.quiet
    return _policy(own, quiet, own.rate or model.rate or DEFAULT_RATE, _zone(model))


def _is_mapping(document: Document, key: str) -> bool:
    return Section(document=document, path=("alerts",)).is_mapping(key)


def _zone(model: AlertsModel) -> tzinfo:
    return model.zone if model.zone is not None else UTC


def _policy(
    own: SinkModel, quiet: QuietModel | str | None, rate: int | None, zone: tzinfo
) -> SinkPolicy:
    told = {name: value for name, value in own.routing if value is not None}
    return SinkPolicy(
        severities={s: told[s.value] for s in Severity if s.value in told},
        categories={c: told[c.value] for c in Category if c.value in told},
        quiet=QuietHours(start=quiet.from_, end=quiet.to, zone=zone)
        if isinstance(quiet, QuietModel)
        else None,
        rate=rate,
    )
