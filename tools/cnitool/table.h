// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "libcni/runtime/table.h"

namespace cnitool {

using runtime::Cell;
using runtime::colour_wanted;
using runtime::paint;
using runtime::print;
using runtime::Table;
using runtime::Tone;

}  // namespace cnitool
