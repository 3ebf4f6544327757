# SPDX-License-Identifier: Apache-2.0
"""The checks of two pods on a node, whichever runtime started them."""
import contextlib
import subprocess
import sys
import urllib.request

import image
import outside
from lab import state
from lab.world import wait_until


def _in_url(address):
    return f"[{address}]" if ":" in address else address


def fetch(address, port=80, seconds=5):
    """The page at an address, fetched by the host, or the error."""
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{_in_url(address)}:{port}/", timeout=seconds) as answer:
            return answer.read().decode()
    except OSError as error:
        return str(error)


class PodChecks:
    """Mixed into a lane's TestCase, which gives two pods `a` and `b`: address(family),
    gateway(family), pid(), exec(*command), remove(); and `before` them, the state.snapshot()."""

    def test_each_pod_gets_its_own_address(self):
        for family in self.families:
            self.assertNotEqual(self.a.address(family), self.b.address(family))

    def test_pods_reach_each_other_and_the_gateway(self):
        for family in self.families:
            for target in (self.b.address(family), self.a.gateway(family)):
                with self.subTest(target=target):
                    self.assertIn(" 0% packet loss", self.a.exec("ping", "-c", "2", "-W", "5", target))

    def test_host_reaches_the_pod(self):
        for family in self.families:
            with self.subTest(family=family):
                address = self.a.address(family)
                wait_until(lambda address=address: fetch(address) == image.PAGE, f"the page of {address}")

    def test_outside_sees_the_hosts_address(self):
        for family in self.families:
            with self.subTest(family=family):
                seen = self.a.exec("nc", "-w", "5", outside.OUTSIDE[family], str(outside.PORT)).strip()
                self.assertEqual(seen, outside.HOST[family])

    def test_pods_see_each_others_own_address(self):
        """Masquerading applies only to packets that leave the pod's own subnet."""
        with self.serve_in(self.a, outside.WHO_AM_I):
            for family in self.families:
                ask = ("nc", "-w", "5", self.a.address(family), str(outside.PORT))
                # Until the server listens, nc reports that it cannot connect.
                answered = (lambda ask=ask: [line for line in self.b.exec(*ask).splitlines() if not line.startswith("nc:")])
                self.assertEqual(wait_until(answered, f"pod a tells what it sees over IPv{family}"), [self.b.address(family)])

    def test_zz_removal_leaves_nothing(self):
        self.a.remove()
        self.b.remove()
        changes = state.difference(self.before, state.snapshot())
        if changes:
            self.fail("left behind:\n" + "\n".join(changes))

    @contextlib.contextmanager
    def serve_in(self, pod, program):
        """Runs a Python program of the host in a pod's network namespace."""
        with subprocess.Popen(["nsenter", "-t", pod.pid(), "-n", sys.executable, "-c", program], stdin=subprocess.DEVNULL) as server:
            try:
                yield
            finally:
                server.kill()
