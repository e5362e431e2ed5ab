"""Share limits and handled webhook events between processes and hosts on Redis or Valkey (extra ``redis``).

>>> from inventpay import InventPay
>>> from inventpay.redis import RedisLimiter
>>> with InventPay(limiter=RedisLimiter("redis://localhost:6379")) as client:
...     print(client.balances.get("BTC"))
"""

from __future__ import annotations

from .._core.annotations import readable as _readable
from .limiter import RedisLimiter
from .seen import RedisSeenStore

__all__ = ["RedisLimiter", "RedisSeenStore"]

for _name in __all__:
    _readable(globals()[_name])
