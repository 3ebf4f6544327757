# SPDX-License-Identifier: Apache-2.0
"""Nodes that exist only in the list, and their objects in a kernel."""
COUNT = 5000
RANGE = "10.0.0.0/8"


def line(number):
    """The line of one such node in the list: a range in 10.64.0.0/10, an address in 10.16.0.0/16."""
    return f"s{number} addresses=10.16.{number // 250}.{number % 250 + 1} ranges=10.{64 + number // 256}.{number % 256}.0/24"


def lines(count):
    return [line(number) for number in range(count)]


def entries(node):
    """The numbers of IPv4 routes into the tunnel, neighbours and FDB entries of a node; zeros without a tunnel."""
    count = {"routes": ("ip", "-4", "route", "show", "proto", "86"),
             "neighbours": ("ip", "-4", "neigh", "show", "dev", "plumb-vxlan", "nud", "permanent"),
             "fdb": ("bridge", "fdb", "show", "dev", "plumb-vxlan")}
    return {what: len(node.run(*command, check=False).stdout.splitlines()) for what, command in count.items()}
