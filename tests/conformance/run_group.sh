#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs one group of conformance rows against one plugin: run_group.sh PLUGIN GROUP
# The binaries: $PLUMB_BIN, else the release build beside the sources, else the build that runs the tests.
set -euo pipefail
plugin=$1 group=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

for folder in "${PLUMB_BIN:-}" "$here/../../build/release/bin" "${PLUMB_BUILD_BIN:-}"; do
  if [[ -n $folder && -x $folder/$plugin && -x $folder/cnitool ]]; then
    exec "$folder/cnitool" conformance "$folder/$plugin" --row "$group"
  fi
done
echo "no $plugin and cnitool found: build them, or set PLUMB_BIN to their folder" >&2
exit 1
