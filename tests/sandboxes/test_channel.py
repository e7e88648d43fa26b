"""The runner's end of a worker's channel."""

import socket
import struct
from collections.abc import Iterator
from multiprocessing.connection import Connection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentbench.sandboxes._channel import FRAME_BYTES_MAX, Channel


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    """Our end as a channel, and the worker's end as a socket."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


@given(bodies=st.lists(st.binary(min_size=1, max_size=300), max_size=5), cut=st.integers(1, 50))
def test_frames_arrive_whole_however_they_are_cut(bodies: list[bytes], cut: int) -> None:
    """Half a frame is no frame yet, and two in one packet are two."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    stream = b"".join(struct.pack("!i", len(body)) + body for body in bodies)
    found = []
    for start in range(0, len(stream), cut):
        theirs.sendall(stream[start : start + cut])
        while (frame := channel.receive()) is not None:
            found.append(frame)
    channel.close()
    theirs.close()
    assert found == bodies


def test_a_worker_speaks_the_same_frames(ends: tuple[Channel, socket.socket]) -> None:
    """What multiprocessing's connection sends is read, and what we send it reads, large frames too."""
    channel, theirs = ends
    worker = Connection(theirs.detach())
    for body in (b"x", b"y" * 50_000):
        worker.send_bytes(body)
        assert channel.receive() == body
        channel.send(body)
        assert worker.recv_bytes() == body
    worker.close()


def test_the_end_of_the_worker_is_told(ends: tuple[Channel, socket.socket]) -> None:
    """A worker that hung up is not waited for, even if it left half a frame."""
    channel, theirs = ends
    theirs.sendall(struct.pack("!i", 100) + b"half")
    assert channel.receive() is None
    theirs.close()
    with pytest.raises(EOFError):
        channel.receive()


@pytest.mark.parametrize("size", [0, -1, FRAME_BYTES_MAX + 1])
def test_garbage_is_refused_before_it_costs_memory(ends: tuple[Channel, socket.socket], size: int) -> None:
    """An agent that writes into the channel cannot make the runner wait for a gigabyte."""
    channel, theirs = ends
    theirs.sendall(struct.pack("!i", size) + b"x")
    with pytest.raises(OSError, match="not a frame"):
        channel.receive()


def test_a_worker_that_is_gone_ends_the_wait(ends: tuple[Channel, socket.socket]) -> None:
    """Waiting ends when the process is gone, not when the patience is."""
    channel, _ = ends
    with pytest.raises(EOFError):
        channel.wait_for(60, lambda: True)
