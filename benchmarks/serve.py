"""A server under load and under abuse, on this machine alone: answers a second, waiting times, what is lost.

python benchmarks/serve.py [--requests 2000] [--minutes 0] [--rate 150] [--connections 64] [--garbage 1000] [--port N]

Starts `tidegate serve` (or asks the one at --port), and sends it one series of 500 hourly values with stamps a request,
as JSON, each of its own level, so that an answer to another's request would show. Client and server share the cores.

open loop    requests begin at a fixed rate, however long others take: what a user waits
saturated    each connection asks again as soon as it has its answer: how much it can do; memory, warm and after
abuse        bodies of garbage, half bodies, clients that leave: 4xx, never 5xx, and the server goes on
slow         clients that send a few bytes at a time, without end: 4xx, while others are answered
stop         SIGTERM with all connections busy: every request that was accepted is answered

Aims on 2 cores: open loop at 150/s 99 % within 80 ms; 64 connections 300/s with 99 % within 500 ms; --requests 50000
without one lost or mixed up; --minutes 10 with less than 20 MB of growth. All loops end by count or by time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from record import record

HOST = "127.0.0.1"
VALUES, HORIZON, LEVELS = 500, 24, 200  # levels: that many series of different size
LONGEST = 60.0  # seconds after which a request counts as lost
RECEIVE_SECONDS = 5  # that our own server gives a request to arrive
HOURS = np.datetime_as_string(
    np.datetime64("2026-01-01T00:00:00") + np.arange(VALUES) * np.timedelta64(1, "h")
).tolist()


@dataclass
class Tally:
    """What became of the requests."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    mixed_up: int = 0

    def count(self, status: int, body: bytes, level: int, since: float) -> None:
        """One answer to the request of that level, which began at `since`."""
        self.seconds.append(time.perf_counter() - since)
        self.statuses[status] += 1
        if status == 200:
            median = json.loads(body)["forecast"]["forecast"]
            self.mixed_up += len(median) != HORIZON or any(abs(value - 1000 * level) > 400 for value in median)

    def row(self, wall: float) -> dict[str, object]:
        ordered = sorted(self.seconds) or [float("nan")]
        at = lambda share: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)  # noqa: E731
        return {
            "requests": len(self.seconds) + self.lost,
            "per_s": round(len(self.seconds) / wall, 1),
            "p50_ms": at(0.5),
            "p99_ms": at(0.99),
            "max_ms": at(1.0),
            "lost": self.lost,
            "mixed_up": self.mixed_up,
            "not_200": sum(count for status, count in self.statuses.items() if status != 200),
        }


def requests() -> list[bytes]:
    """Whole requests, the k-th with a series that lies at 1000 · k."""
    made = []
    noise = np.random.default_rng(0)
    for level in range(1, LEVELS + 1):
        wave = 20 * np.sin(2 * np.pi * np.arange(VALUES) / 24) + noise.normal(size=VALUES)
        data = {"ds": HOURS, "y": np.round(1000 * level + wave, 3).tolist()}
        made.append(request(json.dumps({"data": data, "horizon": HORIZON}).encode()))
    return made


def request(body: bytes, kind: str = "application/json") -> bytes:
    head = f"POST /v1/forecast HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Client:
    """One connection that asks and waits."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.reader: asyncio.StreamReader | None = None
        self.used = 0.0

    async def ask(self, sent: bytes) -> tuple[int, bytes]:
        if time.perf_counter() - self.used > RECEIVE_SECONDS / 2:  # about to be closed, as nothing came
            self.close()
        self.used = time.perf_counter()
        if self.reader is None:
            self.reader, self.writer = await asyncio.open_connection(HOST, self.port)
        self.writer.write(sent)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        body = await self.reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        if b"connection: close" in head:
            self.close()
        return int(head.split(b" ", 2)[1]), body

    def close(self) -> None:
        if self.reader is not None:
            self.reader = None
            self.writer.close()


async def measured(client: Client, level: int, sent: bytes, tally: Tally, since: float) -> None:
    """One request and what became of it; its time counts from `since`."""
    try:
        async with asyncio.timeout(LONGEST):
            status, body = await client.ask(sent)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        tally.lost += 1
        client.close()
        return
    tally.count(status, body, level, since)


async def open_loop(port: int, sent: list[bytes], count: int, rate: float) -> tuple[Tally, float]:
    """Requests that begin at a fixed rate; free connections are used again."""
    tally, free, running = Tally(), [Client(port) for _ in range(8)], set()

    async def one(number: int, due: float) -> None:
        client = free.pop() if free else Client(port)
        await measured(client, number % LEVELS + 1, sent[number % LEVELS], tally, due)
        free.append(client)

    began = time.perf_counter()
    for number in range(count):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.ensure_future(one(number, due))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    wall = time.perf_counter() - began
    for client in free:
        client.close()
    return tally, wall


async def saturated(
    port: int, sent: list[bytes], connections: int, go_on: Callable[[int], bool]
) -> tuple[Tally, float]:
    """Connections that each ask again at once, as long as `go_on` says of the number of requests begun."""
    tally, begun = Tally(), 0

    async def one() -> None:
        nonlocal begun
        client = Client(port)
        while go_on(begun):
            number = begun = begun + 1
            await measured(client, number % LEVELS + 1, sent[number % LEVELS], tally, time.perf_counter())
        client.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    return tally, time.perf_counter() - began


async def abuse(port: int, count: int) -> Counter[str]:
    """Garbage of many kinds. Returns: how often each class of answer came."""
    chance = random.Random(0)
    answers: Counter[str] = Counter()
    good = json.dumps({"data": {"ds": HOURS[:60], "y": list(range(60))}, "horizon": 5}).encode()
    kinds = ("application/json", "text/csv", "application/vnd.apache.parquet", "application/octet-stream")

    async def one() -> None:
        body = bytearray(good)
        for _ in range(chance.randrange(1, 12)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        sent = request(bytes(body), chance.choice(kinds))
        way = chance.random()
        if way < 0.2:  # a random head
            sent = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 80))) + b"\r\n\r\n"
        client = Client(port)
        try:
            async with asyncio.timeout(LONGEST):
                if way > 0.8:  # half of it, and away
                    _, writer = await asyncio.open_connection(HOST, port)
                    writer.write(sent[: chance.randrange(len(sent))])
                    writer.close()
                    answers["left"] += 1
                    return
                status, _ = await client.ask(sent)
                answers[f"{status // 100}xx"] += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            answers["closed"] += 1
        except TimeoutError:
            answers["hung"] += 1
        finally:
            client.close()

    done = 0
    while done < count:
        part = min(16, count - done)
        await asyncio.gather(*(one() for _ in range(part)))
        done += part
    return answers


async def slow(port: int, sent: list[bytes], clients: int, seconds: float) -> tuple[Counter[str], Tally, float]:
    """Clients that would take minutes to send a request, half of them without its beginning, beside four others.

    Returns: how often each status came, and what became of the requests of the others, and in how many seconds.
    """
    answers: Counter[str] = Counter()
    until = time.perf_counter() + seconds

    async def dawdle(whole: bytes) -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        answer = asyncio.ensure_future(reader.read(12))
        for begin in range(0, len(whole), 7):
            if answer.done():
                break
            writer.write(whole[begin : begin + 7])
            await asyncio.sleep(0.1)
        async with asyncio.timeout(LONGEST):
            answers[(await answer)[9:].decode() or "closed"] += 1
        writer.close()

    async def again(whole: bytes) -> None:
        while time.perf_counter() < until:
            try:
                await dawdle(whole)
            except TimeoutError:
                answers["hung"] += 1
            except OSError:
                answers["closed"] += 1

    dawdlers = [asyncio.ensure_future(again(sent[k % LEVELS][20 * (k % 2) :])) for k in range(clients)]
    tally, wall = await saturated(port, sent, 4, lambda begun: time.perf_counter() < until)
    await asyncio.gather(*dawdlers)
    return answers, tally, wall


async def stop(port: int, sent: list[bytes], connections: int, process: subprocess.Popen[str], after: float) -> Tally:
    """SIGTERM after so many seconds, with all connections busy; each then goes on until it is refused."""
    tally, told = Tally(), False

    async def one(number: int) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                return  # it listens no more
            goes_on, fresh = True, True
            while goes_on:
                number += connections
                began = time.perf_counter()
                try:
                    writer.write(sent[number % LEVELS])
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                except (OSError, asyncio.IncompleteReadError):
                    tally.lost += not (fresh and told)  # a connection it has just got may be closed, a request not
                    break
                tally.count(int(head.split(b" ", 2)[1]), body, number % LEVELS + 1, began)
                goes_on, fresh = b"connection: close" not in head, False
            writer.close()

    async def tell() -> None:
        nonlocal told
        await asyncio.sleep(after)
        told = True
        process.terminate()

    await asyncio.gather(tell(), *(one(number) for number in range(connections)))
    await asyncio.to_thread(process.wait, 60)
    return tally


def resident_mb(process: subprocess.Popen[str] | None) -> float:
    """Memory of the server, in MB; NaN where the system does not say."""
    if process is None or not (status := Path(f"/proc/{process.pid}/status")).exists():
        return float("nan")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@contextlib.contextmanager
def server(port: int | None) -> Iterator[tuple[int, subprocess.Popen[str] | None]]:
    """Port and process of a server of our own, or of the one at `port`."""
    if port is not None:
        yield port, None
        return
    patience = ["--most-receive-seconds", str(RECEIVE_SECONDS)]
    command = [sys.executable, "-m", "tidegate", "serve", "--port", "0", *patience]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        yield int(process.stderr.readline().rsplit(":", 1)[1].split(";")[0]), process
    finally:
        if process.poll() is None:
            process.terminate()
        code, said = process.wait(60), process.stderr.read().strip()
        print(f"stopped with code {code} (143 is SIGTERM's){': ' + said if said else ''}")


async def run(
    arguments: argparse.Namespace, port: int, process: subprocess.Popen[str] | None
) -> list[dict[str, object]]:
    sent = requests()
    about = {"connections": arguments.connections, "rate": arguments.rate}
    none = {"growth_mb": "", "minutes": ""}
    await saturated(port, sent, 8, lambda begun: begun < 300)  # warm
    tally, wall = await open_loop(port, sent, arguments.requests, arguments.rate)
    rows = [{"what": "open loop", **about, **tally.row(wall), **none}]
    print(rows[-1], flush=True)
    # What the server keeps for so many connections at a time is there before; growth is what comes with time.
    await saturated(port, sent, arguments.connections, lambda begun: begun < 10 * arguments.connections)
    before = resident_mb(process)
    until = time.perf_counter() + 60 * arguments.minutes
    enough = (
        (lambda begun: time.perf_counter() < until) if arguments.minutes else (lambda begun: begun < arguments.requests)
    )
    tally, wall = await saturated(port, sent, arguments.connections, enough)
    growth = {"growth_mb": round(resident_mb(process) - before, 1), "minutes": round(wall / 60, 1)}
    rows.append({"what": "saturated", **about, **tally.row(wall), **growth})
    print(rows[-1], flush=True)
    if arguments.garbage:
        began = time.perf_counter()
        answers = await abuse(port, arguments.garbage)
        print(f"abuse: {dict(answers)}", flush=True)
        tally, _ = await saturated(port, sent, 4, lambda begun: begun < 20)
        if answers["5xx"] or answers["hung"] or tally.statuses != {200: 20}:
            raise SystemExit("the server did not stand the abuse")
        row = dict.fromkeys(rows[-1], "") | {"what": "abuse", "requests": arguments.garbage, "lost": answers["hung"]}
        rows.append({**row, "per_s": round(arguments.garbage / (time.perf_counter() - began), 1)})
    if arguments.dawdlers:
        answers, tally, wall = await slow(port, sent, arguments.dawdlers, 2 * RECEIVE_SECONDS)
        rows.append({"what": "slow", **about, **tally.row(wall), **none})
        print(f"slow: {dict(answers)}, beside them {rows[-1]}", flush=True)
        if any(not kind.startswith("4") for kind in answers) or tally.lost or tally.statuses.keys() != {200}:
            raise SystemExit("the server did not stand slow clients")
    if process is not None:
        began = time.perf_counter()
        tally = await stop(port, sent, arguments.connections, process, after=3)
        rows.append({"what": "stop", **about, **tally.row(time.perf_counter() - began), **none})
        print(rows[-1], flush=True)
        if tally.lost or tally.mixed_up or tally.statuses.keys() != {200}:
            raise SystemExit("the stop lost requests that were accepted")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=0.0, help="saturate for so long instead of by count")
    parser.add_argument("--rate", type=float, default=150.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--garbage", type=int, default=1000)
    parser.add_argument("--dawdlers", type=int, default=200, help="slow clients at a time")
    parser.add_argument("--port", type=int, help="of a server that runs already, on this machine")
    parser.add_argument("--dry-run", action="store_true", help="print, and add no rows to the results")
    arguments = parser.parse_args()
    with server(arguments.port) as (port, process):
        rows = asyncio.run(run(arguments, port, process))
    if not arguments.dry_run:
        print(record("serve", rows))


if __name__ == "__main__":
    main()
