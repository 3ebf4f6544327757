# SPDX-License-Identifier: Apache-2.0
"""Network policies: an oracle, cases and a matrix of real connections."""
