"""Servers to be measured, each started anew and pinned to one processor, and `vigil load`.

All of them listen on loopback, by UDP and TCP on one port (the floor by UDP alone), keep everything
in memory, let everybody in and hold no NOTIFY back.
"""
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
VIGIL = os.path.join(os.path.dirname(HERE), "build-bench", "vigil")
KAMAILIO = "/usr/sbin/kamailio"
KAMAILIO_TABLES = "/usr/share/kamailio/dbtext/kamailio"
PATIENCE_S = 15

# The server has one processor, the generator another where there is one.
PROCESSORS = sorted(os.sched_getaffinity(0))
SERVER_PROCESSOR, GENERATOR_PROCESSOR = PROCESSORS[0], PROCESSORS[-1]


def raise_descriptor_limit(wanted=65_536):
    """For thousands of connections; root may go above the hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (max(hard, wanted), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            return
        except (ValueError, OSError):
            pass


raise_descriptor_limit()


# What scales over processors has all but the generator's; where that leaves it one, they share all.
MANY = PROCESSORS[:-1] if len(PROCESSORS) > 2 else PROCESSORS
BESIDE_MANY = PROCESSORS[-1:] if len(PROCESSORS) > 2 else PROCESSORS


def pinned(*processors):
    each = ",".join(map(str, processors))
    return ["taskset", "-c", each] if shutil.which("taskset") else []


def free_port():
    """Below those that the kernel gives to clients, which linger by the thousand."""
    for _ in range(100):
        port = random.randrange(12_000, 32_000)
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as each:
                    each.bind(("127.0.0.1", port))
            return port
        except OSError:
            pass
    raise RuntimeError("no port is free on 127.0.0.1")


def family(pid):
    """The process and what it has started."""
    found = [pid]
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as file:
            for child in file.read().split():
                found += family(int(child))
    return found


def pss_bytes(pid):
    total = 0
    for each in family(pid):
        with open(f"/proc/{each}/smaps_rollup") as file:
            total += 1024 * int(re.search(r"^Pss: +(\d+) kB", file.read(), re.M).group(1))
    return total


class Server:
    """A server that runs; `ready_s` after its start it answered the first OPTIONS."""

    name = domain = ""
    processors = [SERVER_PROCESSOR]

    def __init__(self, *options):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="bench-")
        self.log = open(os.path.join(self.folder, "log"), "w")
        command = [*pinned(*self.processors), *self.command(*options)]
        begun = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        try:
            self.ready_s = self._wait_until_ready(begun)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self):
        return self.process.pid

    def _wait_until_ready(self, begun):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.connect(("127.0.0.1", self.port))
            udp.settimeout(0.001)
            own = udp.getsockname()[1]
            for turn in range(100_000):
                if time.monotonic() - begun > PATIENCE_S or self.process.poll() is not None:
                    break
                head = (f"OPTIONS sip:{self.domain} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own}"
                        f";branch=z9hG4bKr{turn}\r\nCall-ID: ready{turn}\r\nCSeq: 1 OPTIONS\r\n"
                        f"From: <sip:bench@{self.domain}>;tag=b\r\nTo: <sip:{self.domain}>\r\n"
                        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
                try:
                    udp.send(head.encode())
                    udp.recv(65_535)
                    return time.monotonic() - begun
                except ConnectionRefusedError:
                    time.sleep(0.0002)
                except TimeoutError:
                    pass
        with open(self.log.name) as log:
            raise RuntimeError(f"{self.name} did not start: {log.read()[-2000:]}")

    def at(self, transport="udp"):
        return ["--server", f"{transport}:127.0.0.1:{self.port}", "--domain", self.domain,
                "--pid", str(self.pid)]

    def pss(self):
        return pss_bytes(self.pid)

    def stop(self):
        # Nobody is told: watchers of a measurement are not there any more.
        if self.process.poll() is None:
            for pid in family(self.pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=PATIENCE_S)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# What the server may hold, where the default is for other machines than one that measures.
ROOM = {"memory_bytes": 12 << 30, "server_transactions": 4_000_000, "subscriptions": 4_000_000,
        "subscriptions_per_user": 4_000_000, "subscriptions_per_resource": 4_000_000,
        "resources": 4_000_000, "publications": 4_000_000,
        "publications_per_resource": 10_000, "publication_bytes": 65_000,
        "notify_body_bytes": 65_000, "flows": 60_000}


class Vigil(Server):
    name, domain = "Vigil", "localhost"

    def command(self, *options):
        listen = f"127.0.0.1:{self.port}"
        limits = [part for name, value in ROOM.items() for part in ("--limit", f"{name}={value}")]
        interval = [] if "--notify-interval" in options else ["--notify-interval", "0"]
        return [VIGIL, "serve", "--listen", f"udp:{listen}", "--listen", f"tcp:{listen}", "--auth",
                "none", "--policy", "allow", "--control", "none", "--log", "error", *interval,
                *limits, *options]


class ManyWorkers(Vigil):
    processors = MANY

    def command(self, *options):
        return super().command("--workers", *options)


class Floor(Server):
    name, domain = "floor", "localhost"

    def command(self, *options):
        return [VIGIL, "load", "responder", "--listen", f"udp:127.0.0.1:{self.port}", *options]


class Kamailio(Server):
    # A name would be looked up in the DNS.
    name, domain = "Kamailio", "127.0.0.1"

    def command(self, *options):
        shutil.copytree(KAMAILIO_TABLES, os.path.join(self.folder, "db"))
        with open(os.path.join(HERE, "kamailio.cfg")) as file:
            text = file.read()
        text = text.replace("@PORT@", str(self.port)).replace("@FOLDER@", self.folder)
        path = os.path.join(self.folder, "kamailio.cfg")
        with open(path, "w") as file:
            file.write(text)
        return [KAMAILIO, "-f", path, "-DD", "-E", "-Y", self.folder, "-m", "3072", "-M", "64",
                "-x", "tlsf", *options]


def load(scenario, *options, at=(), timeout_s=300, processors=(GENERATOR_PROCESSOR,)):
    """Runs a scenario: its phases by name. Failed operations are told, not fatal."""
    done = subprocess.run(
        [*pinned(*processors), VIGIL, "load", scenario, *at, *map(str, options), "--json"],
        capture_output=True, text=True, timeout=timeout_s)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    phases = {line["phase"]: line for line in lines if "phase" in line and "operation" not in line}
    if done.returncode not in (0, 1) or not phases:
        raise RuntimeError(f"vigil load {scenario}: {done.stderr.strip()}")
    return phases


def each_us(phase, count=None):
    """CPU microseconds of the server for one operation."""
    return phase["server_cpu_ns"] / max(1, count or phase["succeeded"]) / 1000


def median(values):
    values = sorted(value for value in values if value is not None)
    if not values:
        return None
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
