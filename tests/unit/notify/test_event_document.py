from __future__ import annotations

from datetime import UTC, datetime, timedelta

from counterpoise.domain.events import Severity, alert
from counterpoise.notify.composing import message_of
from counterpoise.notify.event_document import event_document

AT = datetime(2025, 4, 7, 12, tzinfo=UTC)


def test_a_message_of_several_alerts_names_each_of_them_and_both_ends_of_its_time() -> None:
    alerts = [
        alert("treasury", "order", Severity.WARNING, f"order {n}", AT + timedelta(seconds=n))
        for n in range(3)
    ]
    document = event_document(message_of(alerts))
    assert document["ids"] == [a.id for a in alerts]
    assert document["since"] == "2025-04-07T12:00:00.000Z"
    assert document["at"] == "2025-04-07T12:00:02.000Z"
