// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace test {

/// A script for TestHost::install_ipam(). It gives an address of each family and a default route,
/// writes each verb into the file `log`, and fails while the file `broken` exists.
inline constexpr const char* kFakeIpam = R"(
echo "$CNI_COMMAND" >> $DIR/log
[ -e $DIR/broken ] && echo '{"code":7,"msg":"broken"}' && exit 1
[ "$CNI_COMMAND" = ADD ] && cat <<END
{"cniVersion":"1.1.0","ips":[{"address":"10.85.0.5/24","gateway":"10.85.0.1"},
 {"address":"fd00:85::5/64","gateway":"fd00:85::1"}],"routes":[{"dst":"0.0.0.0/0"}]}
END
exit 0)";

}  // namespace test
