#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs one group of conformance rows against one plugin: run_group.sh PLUGIN GROUP [LINK_KIND]
# Exit status 77: the kernel has no links of that kind.
# The binaries: $PLUMB_BIN, else the release build beside the sources, else the build that runs the tests.
set -euo pipefail
plugin=$1 group=$2 kind=${3:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2086 # a word for each argument of ip-link(8)
if [[ -n $kind ]] && ! "$here/../lab/has_link_kind" $kind; then
  echo "skipped: this kernel has no links of kind \"$kind\"; tests/vm runs this on Debian's"
  exit 77
fi

for folder in "${PLUMB_BIN:-}" "$here/../../build/release/bin" "${PLUMB_BUILD_BIN:-}"; do
  if [[ -n $folder && -x $folder/$plugin && -x $folder/cnitool ]]; then
    exec "$folder/cnitool" conformance "$folder/$plugin" --row "$group"
  fi
done
echo "no $plugin and cnitool found: build them, or set PLUMB_BIN to their folder" >&2
exit 1
