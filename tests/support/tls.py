"""A certificate for localhost, made by the openssl command."""

from __future__ import annotations

import functools
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest


@functools.cache
def _certificate() -> Path:
    """A file with a key and a certificate that signs itself."""
    folder = Path(tempfile.mkdtemp(prefix="inventpay-tls-"))
    both = folder / "localhost.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    try:
        subprocess.run(
            [*command.split(), "-addext", names, "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("needs the openssl command")
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


def trusted() -> str:
    """A file that makes a client trust the server."""
    return str(_certificate().parent / "cert.pem")


def server_context() -> ssl.SSLContext:
    """The certificate that the server presents."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate())
    return context


def trusted_context() -> ssl.SSLContext:
    """A context that trusts the server."""
    return ssl.create_default_context(cafile=trusted())
