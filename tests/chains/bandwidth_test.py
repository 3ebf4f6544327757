#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rates that bandwidth gives, measured: a TCP stream to and from a pod behind bridge.

usage: bandwidth_test.py [--rates MBIT,MBIT...]   default: rates that need little of the machine
"""
import pathlib
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import world  # noqa: E402
from lab.runtime import Case, Node, Suite  # noqa: E402

MBIT = 10**6
RATES = [20, 200]  # Mbit/s
TOLERANCE = 0.05
PORT = 5201
SUBNETS = {4: "10.61.0.0/24", 6: "fd00:61::/64"}
# Bytes on the wire for each byte that a program gets: Ethernet, IP and TCP with timestamps, at an MTU of 1500.
WIRE = {4: 1514 / 1448, 6: 1514 / 1428}
TRIES = 5  # other work of the machine can take the time of a stream


def receive(family, warm_up, seconds):
    """Runs in the receiving namespace: prints the bits per second between the two moments."""
    server = socket.create_server(("", PORT), family=socket.AF_INET6 if family == 6 else socket.AF_INET)
    print("ready", flush=True)
    stream, _ = server.accept()
    buffer = bytearray(2**20)
    end = time.monotonic() + warm_up
    while time.monotonic() < end:
        stream.recv_into(buffer)
    begin, count = time.monotonic(), 0
    while time.monotonic() < begin + seconds:
        count += stream.recv_into(buffer)
    print(count * 8 / (time.monotonic() - begin), flush=True)


def send(address, seconds):
    """Runs in the sending namespace."""
    stream = socket.create_connection((address, PORT), timeout=10)
    data = bytes(2**18)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            stream.sendall(data)
    except OSError:
        pass  # the receiver has measured


def limits(direction, rate):
    """A burst of the largest packet that the kernel handles as one, and of 2 ms."""
    return {f"{direction}Rate": rate, f"{direction}Burst": max(8 * 2**16, rate // 500)}


class RateTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.suite = Suite("ours", world.plugin_folder())

    def add_pod(self, family, keys):
        bridge = {"type": "bridge", "bridge": "br-rate", "isGateway": True,
                  "ipam": {"type": "host-local", "ranges": [[{"subnet": SUBNETS[family]}]]}}
        case = Case("rate", [bridge, {"type": "bandwidth", **keys}])
        pod = self.node.add_pod(f"pod-{len(self.node.pods)}")
        pod.add(self.suite, case, "1.0.0")
        return pod

    def measure(self, pod, direction, family, rate=0):
        """Bits per second on the wire, after the burst has passed."""
        address = pod.result["ips"][0]
        receiver, sender = (pod.sandbox, self.node.host) if direction == "ingress" else (self.node.host, pod.sandbox)
        target = (address["address"] if direction == "ingress" else address["gateway"]).partition("/")[0]
        # TCP gives its reader lumps, which count more at low rates.
        warm_up, seconds = (2.0, 6.0) if 0 < rate < 5 * MBIT else (1.0, 4.0) if 0 < rate < 50 * MBIT else (0.5, 1.5)
        words = (sys.executable, __file__)
        with receiver.start(*words, "receive", str(family), str(warm_up), str(seconds), stdout=subprocess.PIPE, text=True) as server:
            self.assertEqual("ready\n", server.stdout.readline())
            with sender.start(*words, "send", target, str(warm_up + seconds + 5)) as client:
                measured = float(server.stdout.readline())
                client.kill()
        return measured * WIRE[family]

    def unlimited(self):
        """Bits per second that the machine is able to move now."""
        pod = self.add_pod(4, {})
        return min(self.measure(pod, direction, 4) for direction in ("ingress", "egress"))

    def test_measured_rates_are_those_asked_for(self):
        most = self.unlimited()
        print(f"unlimited: {most / MBIT:.0f} Mbit/s", flush=True)
        for rate in (each * MBIT for each in RATES):
            for direction in ("ingress", "egress"):
                for family in (4, 6):
                    with self.subTest(rate=rate // MBIT, direction=direction, family=family):
                        if most < 1.5 * rate:
                            self.skipTest(f"this machine moves {most / MBIT:.0f} Mbit/s")
                        self.assert_rate(rate, direction, family)

    def assert_rate(self, rate, direction, family):
        pod = self.add_pod(family, limits(direction, rate))
        for _ in range(TRIES):
            measured = self.measure(pod, direction, family, rate)
            print(f"{rate // MBIT} Mbit/s {direction}, IPv{family}: {measured / rate:.3f} of it", flush=True)
            if abs(measured / rate - 1) <= TOLERANCE:
                return
        self.fail(f"measured {measured / MBIT:.2f} Mbit/s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["receive"]:
        receive(int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
    elif sys.argv[1:2] == ["send"]:
        send(sys.argv[2], float(sys.argv[3]))
    else:
        world.enter()
        if sys.argv[1:2] == ["--rates"]:
            RATES = [int(each) for each in sys.argv[2].split(",")]
            del sys.argv[1:3]
        unittest.main(verbosity=2)
