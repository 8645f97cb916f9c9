#include "apps/edge/net/systemd.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "apps/edge/net/descriptor.hpp"

namespace {

/// What systemd listens with; `name` as NOTIFY_SOCKET has it.
edge::Descriptor listen_at(const std::string& name) {
    edge::Descriptor fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    std::size_t size = offsetof(sockaddr_un, sun_path) + name.size() + 1;
    if (name.starts_with('@')) {
        address.sun_path[0] = '\0';
        --size;
    }
    const int status =
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
    REQUIRE(status == 0);
    return fd;
}

std::string receive(const edge::Descriptor& fd) {
    std::string room(100, '\0');
    const ssize_t got = ::recv(fd.get(), room.data(), room.size(), 0);
    room.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return room;
}

/// NOTIFY_SOCKET for one scope.
struct Notify {
    explicit Notify(const std::string& name) { ::setenv("NOTIFY_SOCKET", name.c_str(), 1); }
    ~Notify() { ::unsetenv("NOTIFY_SOCKET"); }
};

}  // namespace

TEST_CASE("systemd is told, by a path or by an abstract socket") {
    namespace fs = std::filesystem;
    const auto unique = "notify_test_" + std::to_string(::getpid());
    const fs::path path = fs::temp_directory_path() / unique;
    for (const std::string& name : {path.string(), "@" + unique}) {
        const auto systemd = listen_at(name);
        const Notify set(name);
        CHECK(edge::notify_systemd("READY=1"));
        CHECK(edge::notify_systemd("STOPPING=1"));
        CHECK(receive(systemd) == "READY=1");
        CHECK(receive(systemd) == "STOPPING=1");
    }
    fs::remove(path);
}

TEST_CASE("without systemd, or with a socket that is no good, nothing happens") {
    ::unsetenv("NOTIFY_SOCKET");
    CHECK_FALSE(edge::notify_systemd("READY=1"));
    for (const std::string& name :
         {std::string(), std::string("relative"), std::string("@"), std::string("/no/such/socket"),
          "/" + std::string(107, 'a'), "/" + std::string(5'000, 'a')}) {
        const Notify set(name);
        CHECK_FALSE(edge::notify_systemd("READY=1"));
    }
}
