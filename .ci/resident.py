#!/usr/bin/env python3
"""What a server takes of a small machine: .ci/resident.py VIGIL

Starts it with the bounds of `vigil limits --memory 8M`, lets 1,000 presentities publish to 5,000
watchers over UDP on loopback, all on one connection of the generator, and shows the most that was
ever resident. Exit code 1: more than 8 MB, or something was refused or lost.
"""
import re
import subprocess
import sys

MEMORY_KB = 8 << 10
OPEN = ("--auth", "none", "--policy", "allow", "--domain", "localhost")
LOAD = ("load", "fan-out", "--presentities", "1000", "--watchers", "5", "--rate", "500",
        "--count", "2000", "--timeout", "20")


def bounds_of(vigil):
    told = subprocess.run([vigil, "limits", "--memory", f"{MEMORY_KB}K"], check=True,
                          capture_output=True, text=True).stdout
    for line in told.splitlines():
        if line and not line.startswith("#"):
            name, value = line.split()
            yield from ("--limit", f"{name}={value}")


def status_of(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(rf"{name}:\s+(\d+) kB", file.read())[1])


def main():
    vigil = sys.argv[1]
    server = subprocess.Popen(
        [vigil, "serve", "--listen", "udp:127.0.0.1:0", "--listen", "tcp:127.0.0.1:0", *OPEN,
         *bounds_of(vigil)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        where = server.stdout.readline().split()[1]
        idle = status_of(server.pid, "VmRSS")
        load = subprocess.run([vigil, *LOAD, "--server", where], capture_output=True, text=True,
                              timeout=240)
        most = status_of(server.pid, "VmHWM")
    finally:
        server.terminate()
        server.wait(20)
    print(f"resident, idle       {idle:6} KB")
    print(f"resident, at most    {most:6} KB, bound {MEMORY_KB}: 1,000 presentities, 5,000 "
          "subscriptions")
    if load.returncode != 0 or "failed" in load.stdout:
        sys.exit(f"the load was not all served:\n{load.stdout}{load.stderr}")
    if most > MEMORY_KB:
        sys.exit("more is resident than the bound")


if __name__ == "__main__":
    main()
