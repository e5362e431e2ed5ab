"""What a short script pays: import, one client, one call to a loopback server, in a fresh interpreter.

Processor time from the first statement to the answer, and the most memory the process ever had. The server speaks plain
HTTP, so that nobody needs certificates; this package then reads none, and bare httpx reads them all the same.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import OURS, VENDOR, Bench, Row, run_alone, server

PATH = "/v1/merchant/balance/USDT_BEP20"

BLOCKING = {
    OURS: """
from inventpay import InventPay
with InventPay("pk_live_benchmark", base_url=url) as client:
    client.balances.get("USDT_BEP20")
""",
    "httpx": """
import httpx
with httpx.Client(base_url=url) as client:
    client.get(path).json()
""",
    VENDOR: """
from inventpay import PaymentSDK, SDKConfig
PaymentSDK(SDKConfig(api_key="pk_live_benchmark", base_url=url)).get_balance("USDT_BEP20")
""",
    "requests": """
import requests
requests.get(url + path).json()
""",
    "stripe": """
import stripe
stripe.StripeClient("sk_test_1", base_addresses={"api": url}).v1.balance.retrieve()
""",
    "openai": """
import openai
with openai.OpenAI(api_key="sk-1", base_url=url + "/v1") as client:
    client.models.retrieve("model-1")
""",
    "anthropic": """
import anthropic
with anthropic.Anthropic(api_key="sk-1", base_url=url) as client:
    client.models.retrieve("model-1")
""",
}

ASYNC = {
    OURS: """
import asyncio
from inventpay import AsyncInventPay
async def main():
    async with AsyncInventPay("pk_live_benchmark", base_url=url) as client:
        await client.balances.get("USDT_BEP20")
asyncio.run(main())
""",
    "httpx": """
import asyncio
import httpx
async def main():
    async with httpx.AsyncClient(base_url=url) as client:
        (await client.get(path)).json()
asyncio.run(main())
""",
    "aiohttp": """
import asyncio
import aiohttp
async def main():
    async with aiohttp.ClientSession(url) as client, client.get(path) as answer:
        await answer.json()
asyncio.run(main())
""",
}

CODE = """
import time
begun = time.process_time()
url, path = {url!r}, {path!r}
{story}
spent = time.process_time() - begun
import resource, sys
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
print('{{"milliseconds": %f, "mebibytes": %f}}' % (spent * 1000, peak))
"""


def measure(bench: Bench) -> Sequence[Row]:
    """The rows."""
    rows: list[Row] = []
    for world, stories in (("blocking", BLOCKING), ("async", ASYNC)):
        with server() as url:
            codes = {name: CODE.format(url=url, path=PATH, story=story) for name, story in stories.items()}
            seen = bench.code_turns(codes, bench.rounds(11, 3))
        for figure, what, unit in (
            ("milliseconds", f"import, client and first {world} call on loopback", "ms of CPU"),
            ("mebibytes", f"memory of a process after its first {world} call", "MiB"),
        ):
            costs = {contender: figures[figure] for contender, figures in seen.items()}
            ours = costs.pop(OURS)
            picture = figure == "milliseconds" and world == "blocking"
            rows.append(Row(what, unit, ours, "httpx", costs, target=1.15, shown="{:.1f}", picture=picture))
    return rows


if __name__ == "__main__":
    run_alone(__doc__, measure)
