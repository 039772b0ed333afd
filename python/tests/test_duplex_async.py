"""Calls in event loops: many at once, order, cancelling, closing, async handlers, calls of the server. Scenarios 6.2 to
6.4, 6.7 and 6.10 as tasks see them."""

import asyncio
import os
import threading

import numpy as np
import pytest
from peer import LIMIT
from test_async import run, waiter_threads, waits
from test_duplex import KINDS, channel, echo, make
from test_threads import Call

import zerobuffer
from zerobuffer import DuplexClient


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return request.param


def test_many_calls_at_once_each_get_their_own_answer(name, kind):
    """Scenario 6.2"""

    async def ask(client, number):
        with await client.call_async(number.to_bytes(4, "little"), type=128, timeout=LIMIT) as response:
            return int.from_bytes(response.data, "little")

    async def many():
        with channel(name, kind, {128: echo}, threads=2) as (_, client):
            answers = await asyncio.gather(*(ask(client, number) for number in range(300)))
            assert answers == list(range(300))

    run(many())


def test_when_all_lanes_are_busy_tasks_get_them_in_the_order_in_which_they_called(name, kind):
    order = []

    async def ask(client, number):
        with await client.call_async(bytes([number]), timeout=LIMIT) as response:
            order.append(response.data[0])

    async def many():
        with channel(name, kind, lanes=1) as (server, client):
            tasks = [asyncio.ensure_future(ask(client, number)) for number in range(20)]
            await waits(tasks[0])
            server.start(echo)
            await asyncio.gather(*tasks)
            assert order == list(range(20))

    run(many())


def test_a_call_that_gets_neither_lane_nor_answer_in_time_says_which(name, kind):
    async def ask():
        with channel(name, kind, lanes=1) as (server, client):
            with pytest.raises(zerobuffer.CallTimeoutError):
                await client.call_async(b"x", timeout=0.05)
            held = asyncio.ensure_future(client.call_async(b"y", timeout=LIMIT))
            await waits(held)
            with pytest.raises(zerobuffer.LanesBusyError):
                await client.call_async(b"z", timeout=0.05)
            with pytest.raises(zerobuffer.InvalidArgumentError):
                await client.call_async(b"z", timeout=-1)
            server.start(echo)
            assert bytes(await held) == b"y"

    run(ask())


def test_a_cancelled_call_is_abandoned_and_its_answer_goes_to_nobody(name, kind):
    async def ask():
        with channel(name, kind, lanes=2) as (server, client):
            for _ in range(20):
                cancelled = asyncio.ensure_future(client.call_async(b"cancelled"))
                await waits(cancelled)
                request = server.try_take()
                cancelled.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await cancelled
                patient = asyncio.ensure_future(client.call_async(b"patient", timeout=LIMIT))
                await asyncio.sleep(0)
                request.write(b"late")
                second = await server.take_async(timeout=LIMIT)
                assert bytes(second) == b"patient"
                second.write(b"in time")
                assert bytes(await patient) == b"in time"

    run(ask())


def test_errors_of_the_server_reach_the_task(name, kind):
    """Scenario 6.4"""

    def broken(request):
        raise LookupError("not here")

    async def ask():
        with channel(name, kind, broken) as (server, client):
            with pytest.raises(zerobuffer.RemoteError, match="LookupError: not here"):
                await client.call_async(b"x", timeout=LIMIT)
            waiting = asyncio.ensure_future(client.call_async(b"y", timeout=LIMIT))
            server.close()
            with pytest.raises((zerobuffer.PeerClosedError, zerobuffer.RemoteError)):
                await waiting
            with pytest.raises(zerobuffer.PeerClosedError):
                await client.call_async(b"z", timeout=LIMIT)

    run(ask())


def test_closing_a_client_ends_its_tasks(name, kind):
    async def ask():
        with make(kind, name) as server:
            client = DuplexClient.open(name, timeout=LIMIT)
            tasks = [asyncio.ensure_future(client.call_async(b"x")) for _ in range(4)]
            tasks.append(asyncio.ensure_future(client.take_async()))
            await waits(tasks[0])
            client.close()
            for task in tasks:
                with pytest.raises(zerobuffer.HandleClosedError):
                    await task
            taking = asyncio.ensure_future(server.take_async())
            while server.try_take() is not None:
                pass
            await asyncio.sleep(0.01)
            server.close()
            with pytest.raises(zerobuffer.HandleClosedError):
                await taking

    run(ask())


def test_answers_to_what_was_sent_come_in_order(name, kind):
    """Scenario 6.2"""

    async def ask():
        with channel(name, kind) as (server, client):
            for number in range(50):
                client.send(bytes([number]), timeout=LIMIT)
            assert await client.receive_async(timeout=0.01) is None
            receiving = asyncio.ensure_future(client.receive_async())
            await waits(receiving)
            with pytest.raises(zerobuffer.ConcurrentUseError):
                await client.receive_async()
            server.start(echo)
            got = [(await receiving).data[0]]
            async for response in client:
                with response:
                    got.append(response.data[0])
            assert got == list(range(50))

    run(ask())


def test_async_handlers_run_many_at_once_and_answer_in_the_order_of_their_lane(name, kind):
    """Scenario 6.3"""
    running, most = 0, 0

    async def slow_at_first(request):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02 if request.data[0] % 3 == 0 else 0.001)
        running -= 1
        return bytes(request)

    async def both():
        with channel(name, kind) as (server, client):
            serving = asyncio.ensure_future(server.serve_async(slow_at_first))
            for number in range(30):
                client.send(bytes([number]), timeout=LIMIT)
            got = []
            async for response in client:
                with response:
                    got.append(response.data[0])
            assert got == list(range(30)) and most > 5
            calls = [client.call_async(bytes([number]), timeout=LIMIT) for number in range(30)]
            assert [bytes(answer) for answer in await asyncio.gather(*calls)] == [bytes([n]) for n in range(30)]
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving

    run(both())


def test_no_more_requests_are_handled_at_once_than_the_limit(name, kind):
    running, most = 0, 0

    async def slow(request):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1
        return b"."

    async def both():
        with channel(name, kind) as (server, client):
            serving = asyncio.ensure_future(server.serve_async({0: slow}, limit=2))
            await asyncio.gather(*(client.call_async(b"", timeout=LIMIT) for _ in range(20)))
            assert most == 2
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving
            await server.serve_async(slow, timeout=0.05)  # the timeout without a request ends it
            with pytest.raises(zerobuffer.InvalidArgumentError):
                await server.serve_async(slow, limit=0)

    run(both())


def test_async_and_plain_handlers_that_raise_or_answer_themselves(name, kind):
    """Scenario 6.4"""

    async def both():
        with channel(name, kind) as (server, client):

            @server.on(128)
            async def fails(request):
                await asyncio.sleep(0)
                raise OSError("no disk")

            @server.on(129)
            def plain(request):
                return b"plain"

            @server.on(130)
            async def by_itself(request):
                request.write(b"itself")

            @server.on(131)
            async def nothing(request):
                await asyncio.sleep(0)

            serving = asyncio.ensure_future(server.serve_async())
            with pytest.raises(zerobuffer.RemoteError, match="OSError: no disk"):
                await client.call_async(b"x", type=128, timeout=LIMIT)
            assert bytes(await client.call_async(b"x", type=129, timeout=LIMIT)) == b"plain"
            assert bytes(await client.call_async(b"x", type=130, timeout=LIMIT)) == b"itself"
            if kind == "in_place":
                assert bytes(await client.call_async(b"x", type=131, timeout=LIMIT)) == b"x"
            else:
                with pytest.raises(zerobuffer.RemoteError, match="no answer"):
                    await client.call_async(b"x", type=131, timeout=LIMIT)
            with pytest.raises(zerobuffer.RemoteError, match="132"):
                await client.call_async(b"x", type=132, timeout=LIMIT)
            server.close()
            await serving  # closing ends it

    run(both())


def test_cancelling_a_server_answers_what_it_had_taken(name, kind):
    """Scenario 6.10"""

    async def never(request):
        await asyncio.sleep(3600)

    async def both():
        with channel(name, kind) as (server, client):
            serving = asyncio.ensure_future(server.serve_async(never))
            calls = [asyncio.ensure_future(client.call_async(b"x", timeout=LIMIT)) for _ in range(4)]
            while server.stats().requests < 4:
                await asyncio.sleep(0.001)
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving
            for call in calls:
                with pytest.raises(zerobuffer.RemoteError, match="stopped"):
                    await call

    run(both())


def test_a_plain_server_refuses_async_handlers(name, kind):
    async def handler(request):
        return b""

    with make(kind, name) as server:
        for use in (server.serve, server.start):
            with pytest.raises(zerobuffer.InvalidArgumentError, match="serve_async"):
                use(handler)
            with pytest.raises(zerobuffer.InvalidArgumentError):
                use()


def test_async_for_takes_requests_and_answers_each_before_the_next(name):
    async def serve(server):
        async for request in server:
            request.bytes[:] = bytes(request).upper()

    async def both():
        with channel(name, "in_place") as (server, client):
            serving = asyncio.ensure_future(serve(server))
            for _ in range(5):
                assert bytes(await client.call_async(b"abc", timeout=LIMIT)) == b"ABC"
            await asyncio.sleep(0.01)
            with pytest.raises(zerobuffer.ConcurrentUseError):
                await server.take_async()
            server.close()
            with pytest.raises(zerobuffer.HandleClosedError):
                await serving

    run(both())


def test_a_client_that_does_not_read_holds_up_neither_the_loop_nor_other_clients(name):
    """Scenario 6.7"""

    async def handler(request):
        return bytes(4000)

    async def both():
        with channel(name, "immutable", size=4096) as (server, greedy):
            serving = asyncio.ensure_future(server.serve_async(handler))
            for _ in range(8):
                greedy.send(b"x", timeout=LIMIT)
            with DuplexClient.open(name, timeout=LIMIT) as other:
                for _ in range(10):
                    (await other.call_async(b"y", timeout=LIMIT)).release()
            got = 0
            async for response in greedy:
                response.release()
                got += 1
            assert got == 8
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    run(both())


def test_arrays_go_both_ways(name, kind):
    def add(request):
        array = request.as_array()
        if request.in_place:
            array += 1
            return array
        return array + 1

    async def both():
        with channel(name, kind, add) as (_, client):
            array = np.arange(24, dtype="<i8").reshape(2, 3, 4)
            for each in (array, np.asfortranarray(array), array[:, ::2]):
                answer = await client.call_array_async(each, timeout=LIMIT)
                assert answer.dtype == each.dtype and answer.tolist() == (each + 1).tolist()

    run(both())


def test_the_server_calls_its_client_which_answers_in_the_loop(name, kind):
    async def both():
        with channel(name, kind) as (server, client):

            @client.on_call(140)
            async def shout(request):
                await asyncio.sleep(0)
                return bytes(request).upper()

            serving = asyncio.ensure_future(client.serve_calls_async())
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(
                None, lambda: server.call_client(client.id, b"hey", type=140, timeout=LIMIT)
            )
            assert bytes(answer) == b"HEY"
            answer.release()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    run(both())


def test_loops_in_several_threads_share_one_client(name, kind):
    def loop(client, number):
        async def ask():
            for step in range(50):
                data = bytes([number, step])
                with await client.call_async(data, timeout=LIMIT) as response:
                    assert bytes(response) == data

        asyncio.run(ask())

    with channel(name, kind, echo, lanes=2) as (_, client):
        for call in [Call(loop, client, number) for number in range(4)]:
            call.result()


def test_nothing_is_left_behind_by_calls_in_loops(name, kind):
    async def cycle():
        with channel(name, kind) as (server, client):
            serving = asyncio.ensure_future(server.serve_async(echo))
            for response in await asyncio.gather(*(client.call_async(b"x", timeout=LIMIT) for _ in range(20))):
                response.release()
            abandoned = asyncio.ensure_future(client.call_async(b"y"))
            await asyncio.sleep(0)
            abandoned.cancel()
            serving.cancel()
            await asyncio.gather(serving, abandoned, return_exceptions=True)

    def used():
        return len(os.listdir("/proc/self/fd"))

    run(cycle())
    before, waiters = used(), waiter_threads()
    for _ in range(20):
        run(cycle())
    assert used() == before
    assert threading.active_count() <= 2 and waiter_threads() == waiters
