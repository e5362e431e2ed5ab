"""Webhook bodies have the very bytes that Node's JSON.stringify writes."""

from __future__ import annotations

import json
import shutil
import subprocess
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay.sandbox.webhooks.stringify import number, stringify

NODE = shutil.which("node")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("1", "1"),
        ("29.90", "29.9"),
        ("100", "100"),
        ("0.1", "0.1"),
        ("0.000001", "0.000001"),
        ("0.0000012", "0.0000012"),
        ("0.0000001", "1e-7"),
        ("0.00000001", "1e-8"),
        ("0.0000001296875", "1.296875e-7"),
        ("5e-324", "5e-324"),
        ("123456789012345678901", "123456789012345680000"),
        ("999999999999999900000", "999999999999999900000"),
        ("1e21", "1e+21"),
        ("1.5e300", "1.5e+300"),
        ("1000.000000000000000001", "1000"),
        ("-1.25e-9", "-1.25e-9"),
    ],
)
def test_numbers_are_doubles_in_javascript_s_notation(value: str, written: str) -> None:
    """Exponents begin below 0.000001 and at 1e21, and digits beyond a double's are lost."""
    assert number(Decimal(value)) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_reads_back(value: float) -> None:
    """Every double is written as a JSON number that reads as the same double."""
    assert float(json.loads(number(value))) == value


def test_values_of_every_kind() -> None:
    """Members keep their order, text keeps its letters, and only what must be escaped is."""
    value = {"b": [1, True, None, msgspec.Raw(b"0.00000001")], "a": 'é"\n\u2028/', "c": {}}
    assert stringify(value).decode() == '{"b":[1,true,null,1e-8],"a":"é\\"\\n\u2028/","c":{}}'
    with pytest.raises(TypeError, match="set has no form"):
        stringify(set())


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
def test_node_writes_the_same_bytes() -> None:
    """A body that Node parses and re-encodes is unchanged, for numbers and text of all sizes."""
    assert NODE is not None
    numbers = [Decimal(digits).scaleb(power) for digits in ("1", "1296875", "9" * 17) for power in range(-30, 25)]
    body = stringify({"numbers": numbers, "texts": [chr(code) for code in (*range(1, 0x300), 0x2028, 0x1F600)]})
    script = "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0, 'utf8'))))"
    again = subprocess.run([NODE, "-e", script], input=body, capture_output=True, check=True, timeout=30)
    assert again.stdout == body
