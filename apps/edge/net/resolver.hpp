#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apps/edge/net/name_answer.hpp"
#include "apps/edge/net/outcome.hpp"
#include "sip/base/clock.hpp"
#include "sip/transport/effects.hpp"

namespace edge {

/// The names of a hosts file, and "localhost" with all names under it (RFC 6761 6.3), for which
/// nobody is asked.
class HostNames {
public:
    /// Lines of an address and names; what cannot be read is passed over.
    void read(std::string_view text);
    void read_file(const std::string& path);
    /// The answer from here; nothing: the name system is to be asked.
    std::optional<ParsedNameAnswer> answer(sip::RecordType type, std::string_view name) const;

private:
    std::unordered_map<std::string, std::vector<sip::Address>> addresses_;
};

/// Asks name servers by c-ares, on the loop, and never waits. Each question is answered once, at
/// the latest when the tries are over. Built without c-ares: every name but those of the hosts
/// file is answered `failed`.
class Resolver {
public:
    struct Options {
        std::vector<sip::Endpoint> servers;       ///< none: those of the system (resolv.conf)
        sip::Duration timeout = sip::seconds{2};  ///< of the first try; the next take longer
        int tries = 2;
        std::string hosts_file = "/etc/hosts";
    };
    using Answered = std::function<void(const sip::NameAnswer&)>;

    /// Whether there is a name system to ask in this build.
    static bool is_built_in();

    /// `answered` is called in the loop, or from within `ask`.
    Resolver(uv_loop_t* loop, const Options& options, Answered answered);
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    /// Nobody is told any more. Its handles end in the next turns of the loop.
    ~Resolver();

    void ask(const sip::Resolve& question);

private:
    class Channel;
    HostNames hosts_;
    Answered answered_;
    std::unique_ptr<Channel> channel_;
};

/// "192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:5353": a name server; port 53 where none is
/// given.
Outcome<sip::Endpoint> parse_name_server(std::string_view text);

}  // namespace edge
