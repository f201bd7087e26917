"""Our own share of the AGI step: `make bench`.

Three things in one run, in turn: a FastAGI server that does nothing but set as many variables as
we do; OTRS's TicketCreate alone, on the stand-in that answers after 150 ms; and a whole call
through us to that stand-in. Our share is the whole call less the TicketCreate. The machine is
noisy: look at the figures side by side, never at one alone.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import multiprocessing
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from agi_server.app import App
from agi_server.asterisk.client import place_call
from agi_server.call import Article, Created, Ticket
from agi_server.demo import PASSWORD, USER, demo_config
from agi_server.otrs.connector import Connector
from agi_server.sandbox.otrs import Sandbox

OTRS_SECONDS = 0.150
VARIABLES = 8
HOST = "127.0.0.1"
TICKET = Ticket("", "Call", "Raw", "new", "3 normal", "ivanov", "ROMASHKA", Article("Call", "Call"))


async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The least that a FastAGI server can do: read the request, set variables one by one, close."""
    await reader.readuntil(b"\n\n")
    for number in range(VARIABLES):
        writer.write(b'SET VARIABLE VARIABLE_%d "a value of some length"\n' % number)
        await reader.readline()
    writer.close()


async def serve(pipe: Connection, folder: Path) -> None:
    """The null server, and ours on its stand-in, until the pipe's other end closes."""
    async with AsyncExitStack() as stack:
        null = await stack.enter_async_context(await asyncio.start_server(nothing, HOST, 0))
        otrs = await stack.enter_async_context(Sandbox(folder, delay=OTRS_SECONDS))
        app = await stack.enter_async_context(App(demo_config(otrs, folder, 0)))
        pipe.send((null.sockets[0].getsockname()[1], app.server.port, otrs.url))
        await asyncio.to_thread(pipe.poll, None)


def serve_in_process(pipe: Connection, folder: Path) -> None:
    """A process of its own, as in life."""
    asyncio.run(serve(pipe, folder))


async def call(port: int, unique_id: str) -> float:
    """One call; its AGI step in seconds."""
    report = await place_call(HOST, port, number="89161229624", unique_id=unique_id)
    return report.seconds


async def bare(otrs: Connector, unique_id: str) -> float:
    """One TicketCreate, and nothing else; in seconds."""
    began = time.perf_counter()
    outcome = await otrs.open(replace(TICKET, call_id=unique_id))
    assert isinstance(outcome, Created), outcome
    return time.perf_counter() - began


async def measure(null_port: int, our_port: int, otrs: Connector, rounds: int) -> dict[str, list[float]]:
    """Each in turn, so that the machine's moods meet them all alike."""
    seconds: dict[str, list[float]] = {"null server": [], "TicketCreate alone": [], "a call through us": []}
    ids = (f"{time.time():.0f}.{number}" for number in itertools.count())
    for warming in (True, False):
        for _ in range(3 if warming else rounds):
            taken = (await call(null_port, next(ids)), await bare(otrs, next(ids)), await call(our_port, next(ids)))
            if not warming:
                for times, one in zip(seconds.values(), taken, strict=True):
                    times.append(one)
    return seconds


def show(seconds: dict[str, list[float]]) -> None:
    """The table."""
    print(f"{'':24}{'median':>10}{'p95':>10}   ms, {len(seconds['null server'])} of each, in turn")
    for name, times in seconds.items():
        print(f"{name:24}{statistics.median(times) * 1000:10.2f}{statistics.quantiles(times, n=20)[-1] * 1000:10.2f}")
    share = [
        whole - alone for whole, alone in zip(seconds["a call through us"], seconds["TicketCreate alone"], strict=True)
    ]
    print(f"{'our share of the step':24}{statistics.median(share) * 1000:10.2f}")


async def run(rounds: int) -> None:
    """Start the servers, measure, show."""
    ours, theirs = multiprocessing.Pipe()
    with TemporaryDirectory() as name:
        servers = multiprocessing.get_context("spawn").Process(target=serve_in_process, args=(theirs, Path(name)))
        servers.start()
        try:
            null_port, our_port, url = await asyncio.to_thread(ours.recv)
            async with Connector(url, USER, PASSWORD) as otrs:
                show(await measure(null_port, our_port, otrs, rounds))
        finally:
            ours.send(None)
            servers.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100, help="calls of each kind")
    asyncio.run(run(parser.parse_args().rounds))
