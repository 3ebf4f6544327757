# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition, with a deadline."""
import time


def wait_until(condition, what, seconds=20):
    """Calls `condition` until it returns something true, and returns that. Fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.01)
