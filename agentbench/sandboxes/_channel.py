"""The runner's end of a worker's channel: whole frames, and no wait for a worker that sends half of one.

Invariant: reading never blocks, whatever an agent writes into the socket.
"""

import socket
import struct
from collections.abc import Callable
from multiprocessing.connection import wait

from agentbench import clock

FRAME_BYTES_MAX = 256 * 1024 * 1024
SEND_S = 10.0
LOOK_S = 0.5
_HEAD = struct.Struct("!i")  # as `multiprocessing.connection`, which the worker uses


class Channel:
    """Frames over a stream socket."""

    def __init__(self, ours: socket.socket) -> None:
        self.socket = ours
        self._buffer = bytearray()

    def send(self, body: bytes) -> None:
        """Send a frame; raises `OSError` when the other end is gone or does not read for `SEND_S` seconds."""
        self.socket.settimeout(SEND_S)
        self.socket.sendall(_HEAD.pack(len(body)) + body)

    def receive(self) -> bytes | None:
        """The next whole frame, or None while it is not all there.

        Raises `EOFError` when the other end hung up, and `OSError` for what cannot be a frame.
        """
        self.socket.settimeout(0)
        try:
            while (frame := self._whole()) is None:
                received = self.socket.recv(1 << 20)
                if not received:
                    raise EOFError
                self._buffer += received
        except BlockingIOError:
            return None
        return frame

    def wait_for(self, seconds: float, gone: Callable[[], bool]) -> bytes:
        """The next frame; raises `TimeoutError` after so many seconds, and `EOFError` once the worker is gone."""
        until = clock.wall_s() + seconds
        while True:
            if wait([self.socket], timeout=LOOK_S):
                frame = self.receive()
                if frame is not None:
                    return frame
            if gone():
                raise EOFError
            if clock.wall_s() >= until:
                raise TimeoutError

    def readable(self) -> bool:
        """Whether there is something to read, be it the end."""
        return bool(wait([self.socket], timeout=0))

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _whole(self) -> bytes | None:
        if len(self._buffer) < _HEAD.size:
            return None
        (size,) = _HEAD.unpack_from(self._buffer)
        if not 0 < size <= FRAME_BYTES_MAX:
            raise OSError("not a frame")
        end = _HEAD.size + size
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_HEAD.size : end])
        del self._buffer[:end]
        return body
