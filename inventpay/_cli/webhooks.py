"""``inventpay webhooks``: configure, inspect, send, replay and reconcile."""

from __future__ import annotations

import sys
import time
from itertools import islice
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from . import options
from .app import group
from .exit_codes import ExitCode
from .forwarding import Forwarded, Forwarder, MissedEvents, moment, parse_since
from .inputs import checked_url, encoded, read_json_input
from .output import document, facts, note, plain, show, write, write_json
from .session import Session, ask_hidden, is_interactive, session

if TYPE_CHECKING:
    from ..models.webhooks import WebhookConfig, WebhookDelivery
    from ..webhooks.replays import Replay
    from ..webhooks.secrets import Secrets

app = group("Configure, inspect, send and replay webhooks.")

DeliveryId = Annotated[
    str, typer.Argument(metavar="DELIVERY_ID", show_default=False, help="Id of a delivery, see deliveries.")
]
To = Annotated[str, typer.Option("--to", metavar="URL", help="The endpoint, such as http://localhost:8000/webhooks.")]


def command(name: str) -> Any:
    """Return the group."""
    return typer.main.get_command(app)


# --- configuration ---


@app.command()
def configure(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where every event goes (https).")],
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> None:
    """Have every event sent to a URL. Shows the secret, where the API names it."""
    with session(base_url, as_json=as_json) as current:
        answer = current.client.webhooks.configure(url)
    show(answer.to_json() if as_json else _config(answer, secret=answer.secret), as_json=as_json)


@app.command()
def config(as_json: options.Json = False, base_url: options.BaseUrl = None) -> None:
    """Show where events go. The secret is shown with --json only."""
    with session(base_url, as_json=as_json) as current:
        answer = current.client.webhooks.config()
    hidden = None if answer.secret is None else "(shown with --json)"
    show(answer.to_json() if as_json else _config(answer, secret=hidden), as_json=as_json)


@app.command()
def delete(as_json: options.Json = False, base_url: options.BaseUrl = None) -> None:
    """Delete the URL. Events then go to the callback URLs of payments only."""
    with session(base_url, as_json=as_json) as current:
        current.client.webhooks.delete()
    show("null" if as_json else "The webhook URL is deleted.", as_json=as_json)


@app.command("test")
def send_test(
    url: Annotated[str | None, typer.Argument(metavar="URL", help="By default where events go.")] = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> int:
    """Have the API send a payment.test event. Exits with 6 if the receiver does not accept it."""
    with session(base_url, as_json=as_json) as current:
        answer = current.client.webhooks.test(url)
    milliseconds = None if answer.response_time is None else f"{answer.response_time * 1000:.0f} ms"
    lines = facts(
        [
            ("url", answer.url),
            ("status", answer.status_code),
            ("time", milliseconds),
            ("answer", answer.response),
        ]
    )
    show(answer.to_json() if as_json else lines, as_json=as_json)
    accepted = answer.status_code is None or 200 <= answer.status_code < 300
    return ExitCode.DONE if accepted else ExitCode.ENDED_OTHERWISE


# --- the delivery log ---


@app.command()
def deliveries(
    failed: Annotated[bool, typer.Option("--failed", help="Only those that no receiver accepted.")] = False,
    succeeded: Annotated[bool, typer.Option("--succeeded", help="Only those that were accepted.")] = False,
    payment_id: Annotated[str | None, typer.Option(metavar="ID", help="Only those of one payment.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Show at most this number, newest first.")] = 100,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> None:
    """List the latest deliveries."""
    if failed and succeeded:
        raise typer.BadParameter("--failed and --succeeded exclude each other; leave both out for all deliveries")
    success = False if failed else True if succeeded else None
    with session(base_url, as_json=as_json) as current:
        listing = current.client.webhooks.deliveries(success=success, payment_id=payment_id, limit=min(limit, 100))
        rows = list(islice(listing, limit))
    show(document(rows) if as_json else _table(rows), as_json=as_json)


@app.command()
def delivery(delivery_id: DeliveryId, as_json: options.Json = False, base_url: options.BaseUrl = None) -> None:
    """Show one delivery, with its body."""
    with session(base_url, as_json=as_json) as current:
        answer = current.client.webhooks.delivery(delivery_id)
    show(answer.to_json() if as_json else _delivery(answer), as_json=as_json)


@app.command()
def retry(delivery_id: DeliveryId, as_json: options.Json = False, base_url: options.BaseUrl = None) -> None:
    """Have the API deliver an event again."""
    with session(base_url, as_json=as_json) as current:
        answer = current.client.webhooks.retry(delivery_id)
    if answer is None:
        show("null" if as_json else f"Delivery {plain(delivery_id)} will be retried.", as_json=as_json)
    else:
        show(answer.to_json() if as_json else _delivery(answer), as_json=as_json)


@app.command()
def stats(
    days: Annotated[int, typer.Option(metavar="N", help="Days, 1 to 90.")] = 7,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> None:
    """Count the deliveries of the last days."""
    with session(base_url, as_json=as_json) as current:
        answer = current.client.webhooks.stats(days=days)
    summary = answer.summary
    rate = None if summary.success_rate is None else f"{plain(summary.success_rate)} %"
    lines = facts(
        [
            ("period", answer.period),
            ("url", answer.webhook_url),
            ("deliveries", summary.total),
            ("accepted", summary.successful),
            ("failed", summary.failed),
            ("rate", rate),
            ("attempts", summary.avg_attempts),
        ]
    )
    show(answer.to_json() if as_json else lines, as_json=as_json)


# --- to an endpoint of your own ---


@app.command()
def send(
    event: Annotated[
        str,
        typer.Argument(
            metavar="EVENT",
            autocompletion=options.event_names,
            show_default=False,
            help="Name of the event, such as payment.completed.",
        ),
    ],
    to: To,
    data: Annotated[
        str | None, typer.Option(metavar="JSON", help='Members that replace the sample\'s: \'{"orderId": "order-7"}\'.')
    ] = None,
    test: Annotated[bool, typer.Option("--test/--no-test", help="Mark the event as a test.")] = False,
    as_json: options.Json = False,
) -> int:
    """Sign a sample event and deliver it. No sandbox and no account is needed.

    The secret comes from INVENTPAY_WEBHOOK_SECRET or INVENTPAY_WEBHOOK_SECRET_FILE.
    """
    from .sample_events import sample_body

    try:
        body = sample_body(event, moment(), test=test or event == "payment.test", members=_members(data))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with Forwarder(checked_url(to, "--to"), _secrets()) as forwarder:
        result = forwarder.deliver(event, body, f"sample-{uuid4().hex}")
    show(result.to_json() if as_json else str(result), as_json=as_json)
    return result.code


@app.command()
def replay(
    source: Annotated[
        str, typer.Argument(metavar="FILE|DELIVERY_ID", help="A file with a body, - for stdin, or a delivery's id.")
    ],
    to: To,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> int:
    """Deliver the body of a file, or of an earlier delivery.

    It is signed with your secret. Earlier deliveries come from the API's log.
    """
    from ..webhooks.replays import read_replay

    if source == "-" or Path(source).is_file():
        replayed, delivery_id = _read_body(source), f"replay-{uuid4().hex}"
    else:
        with session(base_url, as_json=as_json) as current:
            replayed, delivery_id = read_replay(current.client.webhooks.delivery(source)), source
    with Forwarder(checked_url(to, "--to"), _secrets()) as forwarder:
        result = forwarder.deliver(replayed.event.event, replayed.body, delivery_id)
    show(result.to_json() if as_json else str(result), as_json=as_json)
    return result.code


@app.command()
def reconcile(
    to: To,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C, and bring new events too.")] = False,
    since: Annotated[str, typer.Option(metavar="SPAN", help="How far to look back: 90s, 30m, 12h or 7d.")] = "7d",
    all_deliveries: Annotated[bool, typer.Option("--all", help="Also events that a receiver accepted.")] = False,
    every: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="Interval of --follow.")] = 5.0,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> int:
    """Deliver the events that no receiver accepted to an endpoint.

    They come from the API's log, and are signed with your secret.
    """
    try:
        span = parse_since(since)
    except ValueError as error:
        raise typer.BadParameter(f"--since: {error}") from None
    with session(base_url, as_json=as_json) as current, Forwarder(checked_url(to, "--to"), _secrets()) as forwarder:
        missed = MissedEvents(current.client, since=span, all_deliveries=all_deliveries)
        if follow:
            _follow(current, missed, forwarder, every, as_json=as_json)
        results = [_forward(forwarder, one, as_json=as_json, follow=False) for one in missed.take(time.time())]
    return _show_summary(results, missed, as_json=as_json)


def _follow(current: Session, missed: MissedEvents, forwarder: Forwarder, every: float, *, as_json: bool) -> None:
    from ..errors import APIConnectionError, ServerError

    if not as_json:
        note(f"Bringing events of {current.base_url} to {forwarder.url}; Ctrl-C stops it.")
    waiting: list[tuple[str, bytes, str]] = []
    while True:
        try:
            waiting += missed.take(time.time())
        except (APIConnectionError, ServerError) as error:
            note(f"the log cannot be read now: {error.message}")
        # An event that the endpoint did not accept is brought again in the next round.
        waiting = [
            one for one in waiting if _forward(forwarder, one, as_json=as_json, follow=True).code is not ExitCode.DONE
        ]
        sleep(every)


def _forward(forwarder: Forwarder, one: tuple[str, bytes, str], *, as_json: bool, follow: bool) -> Forwarded:
    result = forwarder.deliver(*one)
    if follow:
        (write_json if as_json else write)(result.to_json() if as_json else str(result))
    elif not as_json:
        write(str(result))
    return result


def _show_summary(results: list[Forwarded], missed: MissedEvents, *, as_json: bool) -> int:
    import json

    failed = [result for result in results if result.code is not ExitCode.DONE]
    if as_json:
        members = {
            "delivered": len(results) - len(failed),
            "failed": [result.delivery_id for result in failed],
            "unavailable": missed.unavailable,
        }
        show(json.dumps(members), as_json=True)
    else:
        gone = f", {len(missed.unavailable)} without a readable body" if missed.unavailable else ""
        show(f"{len(results) - len(failed)} delivered, {len(failed)} not accepted{gone}.", as_json=False)
    return ExitCode.ENDED_OTHERWISE if failed or missed.unavailable else ExitCode.DONE


def _secrets() -> Secrets:
    from .._credentials import read_environment
    from ..webhooks.secrets import SECRET_VARIABLE, read_secrets

    if read_environment(SECRET_VARIABLE) is None and is_interactive():
        return read_secrets(ask_hidden(f"Webhook secret ({SECRET_VARIABLE} is not set)")).check()
    return read_secrets(None).check()


def _read_body(source: str) -> Replay:
    from ..errors import EventDecodeError
    from ..webhooks.replays import read_replay

    try:
        return read_replay(sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"{source} cannot be read: {error.strerror or error}") from None
    except EventDecodeError as error:
        raise typer.BadParameter(f"{source}: {error.message}") from None


def _members(data: str | None) -> dict[str, Any]:
    from .._core.json_values import is_object

    if data is None:
        return {}
    members = read_json_input(encoded(data, "--data"), "--data")
    if not is_object(members):
        raise typer.BadParameter("--data must be a JSON object")
    return members


def _config(answer: WebhookConfig, *, secret: str | None) -> str:
    return facts(
        [
            ("url", answer.url or "none: events go nowhere"),
            ("secret", secret),
            ("changed", answer.last_updated),
            *(("" if number else "events", name) for number, name in enumerate(answer.supported_events)),
        ]
    )


def _result(row: WebhookDelivery, *, short: bool = False) -> str:
    if row.success:
        return "accepted" if row.http_status is None else f"accepted {row.http_status}"
    answer = "no answer" if row.http_status is None else f"failed {row.http_status}"
    return answer if short or row.next_attempt_at is None else f"{answer}, will be retried"


def _table(rows: list[WebhookDelivery]) -> str:
    from .tables import rendered

    if not rows:
        return "No deliveries."
    return rendered(
        ("delivery", "created", "result", "payment"),
        [
            # Short, so that both ids stay on one line of 80 columns.
            (
                row.id,
                None if row.created_at is None else f"{row.created_at:%m-%d %H:%M}",
                _result(row, short=True),
                row.payment_id,
            )
            for row in rows
        ],
    )


def _delivery(row: WebhookDelivery) -> str:
    from .._json.converter import write_json as json_bytes

    text = facts(
        [
            ("delivery", row.id),
            ("result", _result(row)),
            ("attempts", row.attempts),
            ("url", row.url),
            ("payment", row.payment_id),
            ("answer", row.response),
            ("problem", row.error_message),
            ("created", row.created_at),
            ("last attempt", row.last_attempt_at),
            ("next attempt", row.next_attempt_at),
        ]
    )
    if row.payload is None:
        return text
    import msgspec

    body = (
        row.payload if isinstance(row.payload, str) else msgspec.json.format(json_bytes(row.payload), indent=2).decode()
    )
    return f"{text}\n\n" + "\n".join(plain(line) for line in body.splitlines())
