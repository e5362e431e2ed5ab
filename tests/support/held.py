"""A model of pydantic whose fields are models of this package, and a FastAPI application that takes and returns it."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI
from pydantic import BaseModel

from inventpay.models import Limit

app = FastAPI()


class Held(BaseModel):
    """One model, a list, a map, and none."""

    one: Limit
    many: list[Limit]
    named: Mapping[str, Limit]
    none: Limit | None = None


@app.post("/")
def same(held: Held) -> Held:
    """Return the body."""
    return held
