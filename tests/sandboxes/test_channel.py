"""The runner's end of a channel: whole frames only, and never a wait for the rest of one."""

import socket
from collections.abc import Iterator
from multiprocessing.connection import Connection

import pytest

from agentbench.sandboxes import _channel
from agentbench.sandboxes._channel import Channel


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Connection]]:
    """Our end, and the worker's as it uses it."""
    ours, theirs = socket.socketpair()
    channel, connection = Channel(ours), Connection(theirs.detach())
    yield channel, connection
    channel.close()
    connection.close()


def test_frames_go_both_ways(ends: tuple[Channel, Connection]) -> None:
    """What one end sends, the other receives whole and in order, be it one byte or a megabyte."""
    channel, connection = ends
    channel.send(b"order")
    assert connection.recv_bytes() == b"order"
    connection.send_bytes(b"R")
    connection.send_bytes(b"second")
    assert [channel.receive(), channel.receive(), channel.receive()] == [b"R", b"second", None]


def test_half_a_frame_is_none(ends: tuple[Channel, Connection]) -> None:
    """A frame that comes in pieces is None until its last byte, and reading never waits."""
    channel, connection = ends
    raw = socket.socket(fileno=connection.fileno())
    try:
        for byte in b"\x00\x00\x00\x03ab":
            raw.send(bytes([byte]))
            assert channel.receive() is None
        raw.send(b"c")
        assert channel.receive() == b"abc"
    finally:
        raw.detach()


@pytest.mark.parametrize("head", [b"\xff\xff\xff\xff", b"garbage!", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff"])
def test_what_cannot_be_a_frame_is_refused(ends: tuple[Channel, Connection], head: bytes) -> None:
    """A length of nothing, below nothing or beyond the bound is no frame."""
    channel, connection = ends
    raw = socket.socket(fileno=connection.fileno())
    try:
        raw.send(head)
        with pytest.raises(OSError, match="not a frame"):
            channel.receive()
    finally:
        raw.detach()


def test_a_hang_up_is_the_end(ends: tuple[Channel, Connection]) -> None:
    """When the other end is gone, what it sent before is still received, and then comes the end."""
    channel, connection = ends
    connection.send_bytes(b"last")
    connection.close()
    assert channel.receive() == b"last"
    assert channel.readable()
    with pytest.raises(EOFError):
        channel.receive()
    with pytest.raises(OSError, match="Broken pipe"):
        channel.send(b"anyone?")


def test_waiting_has_an_end(ends: tuple[Channel, Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for a frame ends with it, with the worker's death, or with the time that was given."""
    channel, connection = ends
    monkeypatch.setattr(_channel, "LOOK_S", 0.01)
    with pytest.raises(TimeoutError):
        channel.wait_for(0.02, lambda: False)
    with pytest.raises(EOFError):
        channel.wait_for(60, lambda: True)
    connection.send_bytes(b"K")
    assert channel.wait_for(60, lambda: False) == b"K"


def test_nobody_who_listens_is_no_wait_for_ever(
    ends: tuple[Channel, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sending to a process that does not read ends with an error."""
    channel, _ = ends
    monkeypatch.setattr(_channel, "SEND_S", 0.05)
    with pytest.raises(OSError):
        channel.send(b"x" * 50_000_000)
