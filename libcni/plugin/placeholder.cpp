// SPDX-License-Identifier: Apache-2.0
// Keeps the layer configurable until its first source.
