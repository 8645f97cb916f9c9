#include "apps/edge/net/systemd.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "apps/edge/net/descriptor.hpp"

namespace edge {

bool notify_systemd(std::string_view state) {
    const char* given = std::getenv("NOTIFY_SOCKET");
    if (given == nullptr) return false;
    const std::string_view path = given;
    sockaddr_un address{};
    const bool abstract = path.starts_with('@');
    if ((!abstract && !path.starts_with('/')) || path.size() >= sizeof address.sun_path)
        return false;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (abstract) address.sun_path[0] = '\0';
    // The name of an abstract socket is as long as it is said to be; a path ends with its NUL.
    const std::size_t size = offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1);
    const Descriptor fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd) return false;
    const ssize_t sent =
        ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
    return sent == static_cast<ssize_t>(state.size());
}

}  // namespace edge
