"""The cost of a short script: import, one client, one call to a loopback server, in a fresh interpreter.

Processor time from the first statement to the answer, and the most memory the process ever had. Over plain HTTP this
package reads no certificates, and bare httpx reads them all the same; so the target is on https, where both do.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import OURS, VENDOR, Bench, Row, certificate, run_alone, server

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
import sys
sys.path.insert(0, {harness!r})
from harness.bench import trust
trust({trusted!r})
import time
begun = time.process_time()
url, path = {url!r}, {path!r}
{story}
spent = time.process_time() - begun
import resource
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
print('{{"milliseconds": %f, "mebibytes": %f}}' % (spent * 1000, peak))
"""

OVER_HTTPS = (OURS, "httpx")


def measure(bench: Bench) -> Sequence[Row]:
    """The rows."""
    rows: list[Row] = []
    for world, stories in (("blocking", BLOCKING), ("async", ASYNC)):
        seen = first_calls(bench, stories, secured=False)
        for figure, what, unit in (
            ("milliseconds", f"import, client and first {world} call on loopback", "ms of CPU"),
            ("mebibytes", f"memory of a process after its first {world} call", "MiB"),
        ):
            costs = {contender: figures[figure] for contender, figures in seen.items()}
            ours = costs.pop(OURS)
            picture = figure == "milliseconds" and world == "blocking"
            rows.append(Row(what, unit, ours, "httpx", costs, target=1.15, shown="{:.1f}", picture=picture))
        seen = first_calls(bench, {name: stories[name] for name in OVER_HTTPS}, secured=True)
        costs = {contender: figures["milliseconds"] for contender, figures in seen.items()}
        what = f"import, client and first {world} call over https"
        rows.append(Row(what, "ms of CPU", costs.pop(OURS), "httpx", costs, target=1.2, shown="{:.1f}"))
    return rows


def first_calls(bench: Bench, stories: Mapping[str, str], *, secured: bool) -> dict[str, dict[str, float]]:
    """The figures of each contender."""
    harness = str(Path(__file__).resolve().parents[1])
    trusted = str(certificate().with_name("cert.pem")) if secured else ""
    with server(secured=secured) as url:
        codes = {
            name: CODE.format(url=url, path=PATH, story=story, trusted=trusted, harness=harness)
            for name, story in stories.items()
        }
        return bench.code_turns(codes, bench.rounds(11, 3))


if __name__ == "__main__":
    run_alone(__doc__, measure)
