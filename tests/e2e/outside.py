# SPDX-License-Identifier: Apache-2.0
"""The network beyond the host: a namespace behind a veth, with no route back to any pod, and a server that tells callers
which address it sees."""
import sys

from lab.world import Namespace, run, wait_until

HOST = {4: "192.0.2.1", 6: "2001:db8:ff::1"}
OUTSIDE = {4: "192.0.2.2", 6: "2001:db8:ff::2"}
PORT = 7000

WHO_AM_I = f"""
import socket
server = socket.create_server(("::", {PORT}), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    caller, address = server.accept()
    caller.sendall(address[0].removeprefix("::ffff:").encode() + b"\\n")
    caller.close()
"""


class Outside(Namespace):
    def __init__(self):
        super().__init__("outside")
        run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", self.name)
        for family, length in ((4, 24), (6, 64)):
            nodad = ["nodad"] if family == 6 else []
            run("ip", "address", "add", f"{HOST[family]}/{length}", "dev", "uplink", *nodad)
            self.run("ip", "address", "add", f"{OUTSIDE[family]}/{length}", "dev", "eth0", *nodad)
        run("ip", "link", "set", "uplink", "up")
        self.run("ip", "link", "set", "eth0", "up")
        # Pods need a way out, as on a machine with a default route.
        run("ip", "route", "add", "default", "via", OUTSIDE[4])
        run("ip", "-6", "route", "add", "default", "via", OUTSIDE[6])
        self.server = self.start(sys.executable, "-c", WHO_AM_I)
        wait_until(lambda: f":{PORT}" in self.run("ss", "-Hltn").stdout, "the outside server listens")
