"""The command ``inventpay sandbox``."""

from __future__ import annotations

import argparse
import sys

from . import assumptions
from .errors import AddressError
from .limits.rate_limit_headers import RateLimitHeaders
from .limits.rate_limits import SlidingLog, Unlimited, policy_named, policy_names
from .sandbox import Sandbox
from .serve import DEFAULT_HOST, DEFAULT_PORT, serve
from .webhooks import WebhookSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to ``parser``."""
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port to listen on, 0 for any free one (default: %(default)s)"
    )
    parser.add_argument(
        "--allow-host",
        metavar="HOST",
        action="append",
        default=[],
        help="another host than this machine's under which requests may come, such as the name of a container; "
        "* is any; needed with --host beyond loopback; may be repeated",
    )
    parser.add_argument("--public-url", metavar="URL", help="base of links in answers (default: the request's)")
    parser.add_argument("--api-key", default=assumptions.API_KEY, help="X-API-Key to accept (default: %(default)s)")
    parser.add_argument(
        "--withdrawal-key",
        default=assumptions.WITHDRAWAL_KEY,
        help="X-Withdrawal-Key to accept (default: %(default)s)",
    )
    parser.add_argument(
        "--rate-limits",
        choices=policy_names(),
        default=SlidingLog.name,
        metavar="POLICY",
        help="the policy that counts calls: %(choices)s (default: %(default)s)",
    )
    parser.add_argument(
        "--rate-limit-headers",
        choices=[str(form) for form in RateLimitHeaders],
        default=str(RateLimitHeaders.X_RATELIMIT),
        metavar="FORM",
        help="the form of the rate-limit headers: %(choices)s (default: %(default)s)",
    )
    parser.add_argument("--no-rate-limits", action="store_true", help="never answer with 429")
    parser.add_argument(
        "--ignore-idempotency-keys",
        action="store_true",
        help="play an API that ignores idempotency keys: the same key has a second effect",
    )
    parser.add_argument("--quiet", action="store_true", help="print no line for each request and delivery")
    parser.add_argument(
        "--state", metavar="FILE", help="JSON file to start from, if it is there, and to keep the state in"
    )
    parser.add_argument("--webhook-url", help="URL to which the events of every payment and withdrawal are delivered")
    parser.add_argument(
        "--webhook-secret", default=assumptions.WEBHOOK_SECRET, help="secret that signs them (default: %(default)s)"
    )
    parser.add_argument(
        "--webhook-shape",
        choices=("nested", "flat"),
        default="nested",
        help="the layout of their bodies; both are documented (default: %(default)s)",
    )
    parser.add_argument(
        "--webhook-allow",
        metavar="HOST",
        action="append",
        default=[],
        help="another host than this machine to which a callbackUrl may lead; * is any; may be repeated",
    )


def main(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM. Return the exit code: 0, 1 if it cannot listen, 2 for an invalid option."""
    try:
        sandbox = Sandbox(
            api_key=args.api_key,
            withdrawal_key=args.withdrawal_key,
            rate_limits=Unlimited() if args.no_rate_limits else policy_named(args.rate_limits),
            rate_limit_headers=args.rate_limit_headers,
            allowed_hosts=args.allow_host,
            public_url=args.public_url,
            webhooks=WebhookSettings(
                url=args.webhook_url,
                secret=args.webhook_secret,
                shape=args.webhook_shape,
                allowed_hosts=args.webhook_allow,
            ),
        )
        sandbox.idempotency.honoured = not args.ignore_idempotency_keys
        serve(args.host, args.port, sandbox=sandbox, state=args.state, quiet=args.quiet)
    except AddressError as error:
        print(error, file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
