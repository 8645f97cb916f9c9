#pragma once

#include <unistd.h>

#include <utility>

namespace edge {

/// An open file descriptor, owned.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

/// Raises the soft limit of open descriptors to the hard one. Returns the limit that holds then.
std::size_t raise_descriptor_limit();
/// How many descriptors this process may still open, about: the soft limit less what is open.
std::size_t descriptors_left();

}  // namespace edge
