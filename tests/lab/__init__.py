# SPDX-License-Identifier: Apache-2.0
"""A throw-away world for tests that run whole programs: namespaces of its own, state snapshots, deadlines."""
