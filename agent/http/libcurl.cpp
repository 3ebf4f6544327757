// SPDX-License-Identifier: Apache-2.0
#include "agent/http/libcurl.h"

#include <dlfcn.h>

#include <cerrno>
#include <string>

#include "libcni/base/sys_error.h"

namespace agent {
namespace {

// The OpenSSL build; the GnuTLS build has another name. The number is the version of the ABI.
constexpr const char* kLibrary = "libcurl.so.4";

[[noreturn]] void refuse() {
  const char* const why = ::dlerror();
  base::throw_errno(std::string("load ") + kLibrary + ", which sources etcd and kubernetes need (" +
                        (why != nullptr ? why : "no reason") + ")",
                    ELIBACC);
}

template <typename Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr) refuse();
}

LibCurl load() {
  void* const library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) refuse();
  LibCurl curl{};
  find(library, "curl_global_init", curl.global_init);
  find(library, "curl_easy_init", curl.easy_init);
  find(library, "curl_easy_cleanup", curl.easy_cleanup);
  find(library, "curl_easy_setopt", curl.easy_setopt);
  find(library, "curl_easy_getinfo", curl.easy_getinfo);
  find(library, "curl_easy_strerror", curl.easy_strerror);
  find(library, "curl_slist_append", curl.slist_append);
  find(library, "curl_slist_free_all", curl.slist_free_all);
  find(library, "curl_multi_init", curl.multi_init);
  find(library, "curl_multi_cleanup", curl.multi_cleanup);
  find(library, "curl_multi_setopt", curl.multi_setopt);
  find(library, "curl_multi_add_handle", curl.multi_add_handle);
  find(library, "curl_multi_remove_handle", curl.multi_remove_handle);
  find(library, "curl_multi_socket_action", curl.multi_socket_action);
  find(library, "curl_multi_info_read", curl.multi_info_read);
  return curl;
}

}  // namespace

const LibCurl& libcurl() {
  static const LibCurl loaded = load();
  return loaded;
}

}  // namespace agent
