"""The reference of the site is compared with the names that the package exports."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from inventpay import APIStatusError, InventPayError, NotFoundError
from tools import check_reference as checker

pytest.importorskip("sqlalchemy", reason="one of the stores needs SQLAlchemy: pip install sqlalchemy")


def site(folder: Path, names: list[str]) -> Path:
    """Write an inventory as Sphinx does."""
    head = b"# Sphinx inventory version 2\n# Project: x\n# Version: 1\n# The remainder is compressed using zlib.\n"
    lines = "".join(f"{name} py:class 1 page.html#$ -\n" for name in names) + "index std:doc -1 index.html Title\n"
    (folder / "objects.inv").write_bytes(head + zlib.compress(lines.encode()))
    return folder


def test_every_public_name_is_expected() -> None:
    """Names of the packages, methods of the client and of its groups are expected; private ones are not."""
    names = set(checker.expected())
    for name in (
        "inventpay.InventPay",
        "inventpay.AsyncInventPay.with_options",
        "inventpay._async.payments.AsyncPaymentCalls.create",
        "inventpay.webhooks.WebhookReceiver",
        "inventpay.NotFoundError",
        "inventpay.APIStatusError.details",
        "inventpay.redis.RedisLimiter",
        "inventpay.sandbox.Sandbox",
    ):
        assert name in names
    assert not [name for name in names if name.rpartition(".")[2].startswith("_")]


def test_a_name_that_is_missing_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The check passes for a whole inventory, and names the one that is not there."""
    names = sorted(set(checker.expected()))
    assert checker.main([str(site(tmp_path, names))]) == 0
    assert checker.main([str(site(tmp_path, [name for name in names if name != "inventpay.InventPay"]))]) == 1
    assert "not in the reference: inventpay.InventPay" in capsys.readouterr().err


def test_a_class_of_two_packages_is_listed_once(tmp_path: Path) -> None:
    """A model under its short name is enough, since `inventpay.models` exports the same class."""
    names = [name for name in set(checker.expected()) if name != "inventpay.models.Payment"]
    assert checker.main([str(site(tmp_path, names))]) == 0


def test_members_of_internal_bases_belong_to_the_first_public_class() -> None:
    """APIStatusError has the attributes of its internal base; NotFoundError, derived from it, lists none."""
    assert {"body", "details", "headers"} <= set(checker.members_of(APIStatusError))
    assert checker.members_of(NotFoundError) == []
    assert list(checker.shown_bases(APIStatusError.__bases__)) == [InventPayError]
