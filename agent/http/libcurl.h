// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <curl/curl.h>

namespace agent {

/// The functions of libcurl that the HTTP client calls, named as libcurl names them without
/// `curl_`.
///
/// The library is loaded, not linked: it brings 30 others and 3.3 MB of resident memory, which a
/// plumbd without an HTTP source (etcd, kubernetes) does not pay for.
struct LibCurl {
  decltype(&curl_global_init) global_init;
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
  decltype(&curl_multi_init) multi_init;
  decltype(&curl_multi_cleanup) multi_cleanup;
  decltype(&curl_multi_setopt) multi_setopt;
  decltype(&curl_multi_add_handle) multi_add_handle;
  decltype(&curl_multi_remove_handle) multi_remove_handle;
  decltype(&curl_multi_socket_action) multi_socket_action;
  decltype(&curl_multi_info_read) multi_info_read;
};

/// Loads libcurl.so.4 at the first call and keeps it. Throws std::system_error(ELIBACC) with the
/// loader's reason when it or one of its own libraries is missing, or when it is too old.
const LibCurl& libcurl();

}  // namespace agent
