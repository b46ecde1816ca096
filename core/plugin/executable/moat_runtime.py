"""Speaks moat's protocol for runtimes, version 1, on standard input and output.

serve(runtime) answers each call by the method of that name, in a thread of its own: what it returns
is the result, Refused says why not. A method gets the call, which knows its parameters, and for
calls with streams what moat sends and takes. Python 3.9 or newer, nothing else.
"""

import base64
import fcntl
import json
import os
import pty
import queue
import signal
import struct
import subprocess
import termios
import threading

PROTOCOL = 1
WINDOW = 16
PIECE = 64 * 1024


class Refused(Exception):
    """It cannot be done: the reason, and what the user can do."""

    def __init__(self, message, hint=None):
        super().__init__(message)
        self.hint = hint


class Cancelled(Exception):
    """Nobody waits for this call any more."""


class Call:
    """One call: `params`, and `orders` of moat: data, end, size, signal, cancel."""

    def __init__(self, channel, number, params):
        self.params = params
        self.orders = queue.Queue()
        self.cancelled = threading.Event()
        self._channel = channel
        self._number = number
        self._room = threading.Semaphore(WINDOW)

    def say(self, **answer):
        self._channel({"id": self._number, **answer})

    def send(self, data, **more):
        """Sends a piece of output; waits while moat is behind."""
        while not self._room.acquire(timeout=0.1):
            if self.cancelled.is_set():
                raise Cancelled()
        self.say(data=base64.b64encode(data).decode(), **more)

    def take(self, order):
        """What moat says of this call; called by serve()."""
        if "taken" in order:
            self._room.release(order["taken"])
            return
        if "cancel" in order:
            self.cancelled.set()
        self.orders.put(order)


def serve(runtime):
    """Serves until standard input ends, which is when moat has."""
    source, output = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What programs read and print is not moat's.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    lock = threading.Lock()
    calls = {}

    def channel(message):
        body = json.dumps(message).encode()
        with lock:
            output.write(struct.pack(">I", len(body)) + body)
            output.flush()

    def answer(call, name):
        try:
            method = getattr(runtime, name, None)
            if method is None:
                raise Refused(f"{name} is not known")
            result = method(call)
            call.say(result=result)
        except Refused as error:
            hint = {} if error.hint is None else {"hint": error.hint[:2000]}
            call.say(error={"message": str(error)[:2000], **hint})
        except Exception as error:
            call.say(error={"message": f"{type(error).__name__}: {error}"[:2000]})

    channel({"protocol": PROTOCOL})
    while len(header := source.read(4)) == 4:
        order = json.loads(source.read(struct.unpack(">I", header)[0]))
        number = order.pop("id")
        if "call" in order:
            call = calls[number] = Call(channel, number, order["with"])
            threading.Thread(target=answer, args=(call, order["call"]), daemon=True).start()
        elif number in calls:
            calls[number].take(order)
    for process in list(RUNNING):
        process.kill()
    os._exit(0)


RUNNING = set()


def stream(call, argv, *, env=None, tty=False, size=None, began=None, on_signal=None, cwd=None):
    """Runs a program whose streams are the call's; returns its exit code and last error output.

    began(process) is called beside it, and says when the call has started.
    """
    said = bytearray()
    if tty:
        master, slave = pty.openpty()
        resize(master, size)
        argv = ["setsid", "--ctty", *argv]  # the terminal is the program's own
        ends = {"stdin": slave, "stdout": slave, "stderr": slave}
    else:
        ends = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(argv, env=env, cwd=cwd, **ends)
    RUNNING.add(process)
    if tty:
        os.close(slave)
        outputs = [(master, "tty")]
        source = os.dup(master)
    else:
        outputs = [(process.stdout.fileno(), "stdout"), (process.stderr.fileno(), "stderr")]
        source = process.stdin.fileno()

    def copy(descriptor, name):
        try:
            while data := os.read(descriptor, PIECE):
                if name == "stderr":
                    said[:] = (said + data)[-500:]
                call.send(data, stream=name)
        except (OSError, Cancelled):
            pass  # a terminal ends with an error

    def obey():
        is_open = True
        while (order := call.orders.get()) is not None:
            try:
                if "data" in order:
                    if is_open:
                        write_all(source, base64.b64decode(order["data"]))
                    call.say(taken=1)
                elif "size" in order and tty:
                    resize(source, order["size"])
                    process.send_signal(signal.SIGWINCH)
                elif "signal" in order and on_signal:
                    on_signal(order["signal"], process)
                elif "end" in order and is_open and not tty:
                    is_open = False
                    process.stdin.close()
                elif "cancel" in order:
                    process.kill()
            except OSError:
                if "data" in order:
                    call.say(taken=1)  # nobody reads it

    threads = [threading.Thread(target=copy, args=one, daemon=True) for one in outputs]
    for thread in [*threads, threading.Thread(target=obey, daemon=True)]:
        thread.start()
    try:
        if began:
            began(process)
        for thread in threads:
            thread.join()
        return process.wait(), said.decode(errors="replace").strip()
    finally:
        RUNNING.discard(process)
        call.orders.put(None)
        if tty:
            os.close(master)
            os.close(source)


def resize(descriptor, size):
    if size:
        packed = struct.pack("HHHH", size["rows"], size["columns"], 0, 0)
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, packed)


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data) :]
