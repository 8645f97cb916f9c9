#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "apps/edge/net/listen_spec.hpp"
#include "apps/edge/net/outcome.hpp"

namespace load {

/// The least that a server could do: it answers a generator of ours from constants, without
/// parsing, by the same batched system calls. A SUBSCRIBE gets a 200 and a NOTIFY, a PUBLISH a 200
/// and a NOTIFY for each of `watchers`. What is copied from a request stands where it stood in the
/// first one of its length.
struct ResponderOptions {
    edge::ListenSpec listen;
    std::uint32_t watchers = 0;    ///< a presentity
    std::uint32_t body_bytes = 0;  ///< of the documents, at least
};
/// `ready` is called with the address once it is bound. Returns when `stop` is true.
edge::Outcome<void> run_responder(const ResponderOptions& options, const std::atomic<bool>& stop,
                                  const std::function<void(const std::string&)>& ready);

}  // namespace load
