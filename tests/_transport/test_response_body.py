"""Bodies: inflated step by step, within bounds; and what an answer that breaks a bound still says."""

from __future__ import annotations

import gzip
import zlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import DecodeError, RateLimitedError, ServerError
from inventpay._transport import response_body
from inventpay._transport.http_client import _url
from inventpay._transport.response_body import MAX_BODY, ResponseBody
from tests.support.raw_server import Exchange, RawServer
from tests.support.servers import blocking_client


def raw_deflate(data: bytes) -> bytes:
    """Deflate without the header of zlib, as some servers send it."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKERS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "DEFLATE": raw_deflate}


def read(encoding: str, data: bytes, size: int = 10_000) -> bytes:
    """The body, added in pieces of this size."""
    body = ResponseBody(encoding)
    for start in range(0, len(data), size):
        body.add(data[start : start + size])
    return body.whole()


@given(st.sampled_from(sorted(PACKERS)), st.binary(max_size=3_000), st.integers(1, 4_000))
def test_one_layer_is_inflated(encoding: str, data: bytes, size: int) -> None:
    """For pieces of any size, gzip and both kinds of deflate give the original bytes."""
    assert read(encoding, PACKERS[encoding](data), size) == data


def test_what_is_not_compressed_stays_as_it_is() -> None:
    """Without an encoding, or with identity, bytes pass."""
    assert read("", b"abc", 1) == read(" Identity ", b"abc") == b"abc"
    assert read("", b"") == b""
    # No body at all, as in an answer to HEAD.
    assert read("gzip", b"") == read("deflate", b"") == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip,deflate", "compress", "x"])
def test_other_encodings_are_refused_before_a_byte_is_read(encoding: str) -> None:
    """Two layers too: 270 bytes in three become 2 GB."""
    with pytest.raises(DecodeError, match="only one layer of gzip or deflate is read"):
        ResponseBody(encoding)


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_bomb_is_stopped_at_the_bound(encoding: str) -> None:
    """However small it is, no more than the bound is inflated."""
    bomb = PACKERS[encoding](bytes(4 * MAX_BODY))
    body = ResponseBody(encoding)
    with pytest.raises(DecodeError, match=f"larger than {MAX_BODY} bytes"):
        body.add(bomb)
    assert body._size <= MAX_BODY + 64 * 1024
    assert body.beginning() == bytes(64 * 1024)


@pytest.mark.parametrize("encoding", PACKERS)
def test_compression_that_is_damaged(encoding: str) -> None:
    """Cut short, or followed by more, or no compression at all."""
    packed = PACKERS[encoding](b"a body of some length, and more" * 9)
    with pytest.raises(DecodeError, match="ends too early"):
        read(encoding, packed[:-3])
    with pytest.raises(DecodeError, match="bytes follow"):
        read(encoding, packed + b"x")
    with pytest.raises(DecodeError, match="damaged"):
        read(encoding, b"\xff\xff\xff\xff plain text")


@pytest.mark.parametrize(("status", "error"), [(429, RateLimitedError), (503, ServerError), (200, DecodeError)])
@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_a_status_counts_without_its_body(status: int, error: type[Exception], encoding: str) -> None:
    """A 429 whose body cannot be read is a 429; a success that cannot be read is a DecodeError with its status."""

    def answer(exchange: Exchange) -> None:
        exchange.say(status, b"\xff\xff not compressed", Content_Encoding=encoding, Retry_After="7")

    with RawServer(answer) as server, blocking_client(server.url) as client, pytest.raises(error) as caught:
        client.request("POST", "/thing")
    assert caught.value.status == status  # type: ignore[attr-defined]
    assert caught.value.headers["retry-after"] == "7"  # type: ignore[attr-defined]


def test_a_large_error_keeps_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """The beginning of its body is kept."""
    monkeypatch.setattr(response_body, "MAX_BODY", 1_000)
    with (
        RawServer(lambda exchange: exchange.say(500, b"a" * 5_000)) as server,
        blocking_client(server.url) as client,
        pytest.raises(ServerError),
    ):
        client.request("GET", "/thing")


@pytest.mark.parametrize(
    "base", ["https://api.example", "https://api.example/prefix", "http://[::1]:8000", "https://a:1/"]
)
@pytest.mark.parametrize(
    "path",
    ["/v1/thing", "/v1/a-b_c.d~e/status?page=2&limit=10", "/v1/../x", "/a%20b", "/ä?q=ü", "/", "/a//b", "/a?b=%2F"],
)
def test_a_url_is_that_of_httpx(base: str, path: str) -> None:
    """Made from the parsed base or not, it is the same in all of its parts."""
    url, host = _url(base, path)
    whole = httpx.URL(base + path)
    if base.endswith("/"):
        # A base that ends in a slash is not doubled where the path is plain.
        whole = httpx.URL(base.rstrip("/") + path) if str(url) != str(whole) else whole
    assert (url, str(url), url.raw_path, url.host, url.port) == (
        whole,
        str(whole),
        whole.raw_path,
        whole.host,
        whole.port,
    )
    assert host == whole.netloc.decode()
