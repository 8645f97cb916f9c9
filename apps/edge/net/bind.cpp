#include "apps/edge/net/bind.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "apps/edge/net/address.hpp"

namespace edge {

namespace {

// A port that is free for one listener and taken for its sibling is rare; so many times in a row,
// something else is wrong.
constexpr int attempts_max = 64;
constexpr int backlog = 1024;

std::string why_not(const ListenSpec& spec, int error) {
    std::string text = "cannot listen on " + to_text(spec) + ": ";
    switch (error) {
        case EADDRINUSE: return text + "address already in use; choose another port with --listen";
        case EACCES:
            return text +
                   "permission denied; choose a port above 1023 with --listen, or run with "
                   "CAP_NET_BIND_SERVICE";
        case EADDRNOTAVAIL:
            return text + "no interface of this machine has that address; choose one with --listen";
        case EAFNOSUPPORT:
            return text + "this machine has no such address family; choose another with --listen";
        case EMFILE:
        case ENFILE: return text + "out of file descriptors; raise the limit (ulimit -n)";
        default: return text + std::string(::strerrordesc_np(error)) + "; see --listen";
    }
}

/// Binds one socket. `error` gets the errno when the descriptor is none.
Descriptor bind_one(sip::Transport transport, const sip::Endpoint& local, int& error,
                    bool beside = false) {
    const bool stream = transport != sip::Transport::udp;
    const SocketAddress address = to_socket_address(local);
    const int kind = (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    Descriptor fd(::socket(address.any.sa_family, kind, 0));
    const int on = 1;
    bool good = static_cast<bool>(fd);
    if (good && address.any.sa_family == AF_INET6)
        good = ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0;
    // For a stream: bind although connections of an earlier run are in TIME_WAIT. For datagrams it
    // would let two programs share the port, so there it stays off.
    if (good && stream)
        good = ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    if (good && beside)
        good = ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
    good = good && ::bind(fd.get(), address.get(), address.size) == 0;
    good = good && (!stream || ::listen(fd.get(), backlog) == 0);
    if (good) return fd;
    error = errno;
    return {};
}

/// Listeners that get one port: udp and tcp of one host with port 0. TLS has another (RFC 3261
/// 18.2.1: 5061 beside 5060).
struct Group {
    std::vector<std::size_t> members;  ///< indices into the specs
    sip::Address host;
    std::uint16_t port = 0;
};

std::vector<Group> groups_of(std::span<const ListenSpec> specs) {
    std::vector<Group> groups;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        const auto fits = [&](const Group& group) {
            return specs[i].port == 0 && group.port == 0 && !sip::is_secure(specs[i].transport) &&
                   group.host == specs[i].address &&
                   std::none_of(group.members.begin(), group.members.end(), [&](std::size_t m) {
                       return specs[m].transport == specs[i].transport ||
                              sip::is_secure(specs[m].transport);
                   });
        };
        const auto found = std::find_if(groups.begin(), groups.end(), fits);
        if (found != groups.end())
            found->members.push_back(i);
        else
            groups.push_back({{i}, specs[i].address, specs[i].port});
    }
    return groups;
}

struct Failed {
    std::size_t spec = 0;
    int error = 0;
    bool may_retry = false;  ///< the port was picked by the system and is taken elsewhere
};

/// Sockets of each member of `group`, into `sockets` by the member's index.
bool bind_group(std::span<const ListenSpec> specs, const Group& group,
                const std::vector<sip::Address>& addresses,
                std::vector<std::vector<BoundSocket>>& sockets, Failed& failed) {
    std::uint16_t port = group.port;
    for (const std::size_t member : group.members) {
        for (const sip::Address& address : addresses) {
            Descriptor fd = bind_one(specs[member].transport, {address, port}, failed.error);
            if (!fd) {
                failed.spec = member;
                failed.may_retry = group.port == 0 && port != 0 && failed.error == EADDRINUSE;
                for (const std::size_t each : group.members) sockets[each].clear();
                return false;
            }
            const sip::Endpoint local = local_endpoint(fd.get());
            port = local.port;
            sockets[member].push_back({std::move(fd), specs[member].transport, local});
        }
    }
    return true;
}

}  // namespace

Outcome<std::vector<BoundSocket>> bind_listeners(std::span<const ListenSpec> specs) {
    std::vector<std::vector<BoundSocket>> sockets(specs.size());
    // Given ports first, so that a picked one does not take theirs.
    auto groups = groups_of(specs);
    std::stable_partition(groups.begin(), groups.end(), [](const Group& g) { return g.port != 0; });
    for (const Group& group : groups) {
        std::vector<sip::Address> addresses{group.host};
        if (group.host.is_unspecified()) addresses = interface_addresses(group.host);
        if (addresses.empty()) return failure(why_not(specs[group.members.front()], EADDRNOTAVAIL));
        Failed failed;
        int attempts = 0;
        while (!bind_group(specs, group, addresses, sockets, failed))
            if (!failed.may_retry || ++attempts == attempts_max)
                return failure(why_not(specs[failed.spec], failed.error));
    }
    std::vector<BoundSocket> all;
    for (auto& list : sockets)
        for (auto& socket : list) all.push_back(std::move(socket));
    return all;
}

Outcome<std::vector<BoundSocket>> bind_beside(std::span<const BoundSocket> bound) {
    std::vector<BoundSocket> all;
    for (const BoundSocket& first : bound) {
        // Only now: the first one was bound for itself alone, so that another program that has the
        // port is an error.
        const int on = 1;
        int error = 0;
        Descriptor fd;
        if (::setsockopt(first.fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
            error = errno;
        else
            fd = bind_one(first.transport, first.local, error, true);
        if (!fd)
            return failure(
                why_not({first.transport, first.local.address, first.local.port}, error));
        all.push_back({std::move(fd), first.transport, first.local});
    }
    return all;
}

}  // namespace edge
