#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tests of lifecycle_test.py, nodes that come, go and change, in the other modes."""
import unittest

import lifecycle_test
from lab import world


class Mode(lifecycle_test.LifecycleTest):
    test_a_new_range_is_routed_and_the_old_one_stays = None  # is about the tunnel's routes


class HostGwTest(Mode):
    BACKEND = "host-gw"


class AutoTest(Mode):
    BACKEND = "auto"


class BgpTest(Mode):
    BACKEND = "bgp"


if __name__ == "__main__":
    del Mode
    world.enter()
    unittest.main(verbosity=2)
