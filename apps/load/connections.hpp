#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/descriptor.hpp"
#include "apps/edge/net/listen_spec.hpp"
#include "apps/edge/net/outcome.hpp"

namespace load {

/// Bytes that wait to be sent, in one piece of memory that stays.
class SendBuffer {
public:
    /// Room for `size` bytes behind what is there.
    char* room(std::size_t size);
    void commit(std::size_t size) { size_ += size; }
    /// The first `size` bytes have gone.
    void consume(std::size_t size);
    const char* data() const { return bytes_.get() + begin_; }
    std::size_t size() const { return size_ - begin_; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t begin_ = 0, size_ = 0, capacity_ = 0;
};

/// The sockets of a generator, all to one server: datagrams go and come in batches of one system
/// call, streams in as large pieces as the kernel takes.
class Connections {
public:
    /// `on_message` gets each message whole, valid for the call; it may write to any connection.
    class User {
    public:
        virtual void on_message(std::uint32_t connection, std::string_view message) = 0;
        /// A stream has ended, or what came by it is no SIP.
        virtual void on_lost(std::uint32_t connection) = 0;

    protected:
        ~User() = default;
    };
    struct Counters {
        std::uint64_t sent = 0, received = 0;  ///< messages
        std::uint64_t received_bytes = 0;
        std::uint64_t send_calls = 0, receive_calls = 0;
        std::uint64_t unreachable = 0;  ///< ICMP errors
    };

    static edge::Outcome<std::unique_ptr<Connections>> open(const edge::ListenSpec& server,
                                                            std::uint32_t count);

    bool is_stream() const { return stream_; }
    std::uint32_t count() const { return static_cast<std::uint32_t>(all_.size()); }
    std::uint16_t port(std::uint32_t connection) const { return all_[connection].port; }
    /// Our own numeric address, IPv6 in brackets.
    const std::string& host() const { return host_; }
    /// Nothing should be begun there now: the kernel takes no more.
    bool is_blocked(std::uint32_t connection) const { return all_[connection].blocked; }
    /// The stream has ended.
    bool is_lost(std::uint32_t connection) const { return !all_[connection].fd; }

    /// Room for a message; `commit` says how long it became.
    char* room(std::uint32_t connection, std::size_t size) {
        return all_[connection].out.room(size);
    }
    void commit(std::uint32_t connection, std::size_t size);
    /// Sends all that is written.
    void flush();
    /// Waits for `timeout_ns` at most, then takes a batch from each connection that has some.
    /// False: there was nothing.
    bool wait(std::uint64_t timeout_ns, User& user);

    const Counters& counters() const { return counters_; }
    /// Datagrams that found no room at our own sockets.
    std::uint64_t dropped_here() const;

private:
    struct Connection {
        edge::Descriptor fd;
        std::uint16_t port = 0;
        bool blocked = false, dirty = false, watched = false;
        SendBuffer out;
        std::vector<std::uint32_t> sizes;  ///< of the datagrams in `out`
        std::string partial;               ///< the start of a message of a stream
    };
    struct Slab;

    Connections();
    edge::Outcome<void> add(const edge::ListenSpec& server);
    void watch(std::uint32_t index, bool writable);
    void flush(std::uint32_t index);
    void flush_datagrams(Connection& connection);
    void flush_stream(std::uint32_t index);
    bool receive_datagrams(std::uint32_t index, User& user);
    bool receive_stream(std::uint32_t index, User& user);
    /// Hands whole messages over. Returns how much was used; npos: it is no SIP.
    std::size_t take_messages(std::uint32_t index, std::string_view bytes, User& user);
    void lose(std::uint32_t index, User& user);

    edge::Descriptor epoll_;
    std::vector<Connection> all_;
    std::vector<std::uint32_t> dirty_;
    std::unique_ptr<Slab> slab_;
    std::string host_;
    bool stream_ = false;
    Counters counters_;

public:
    ~Connections();
};

}  // namespace load
