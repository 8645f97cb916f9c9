#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "apps/edge/net/descriptor.hpp"
#include "apps/edge/net/tls.hpp"
#include "sip/base/clock.hpp"
#include "sip/base/endpoint.hpp"
#include "sip/base/ids.hpp"
#include "sip/base/linked.hpp"
#include "sip/base/packet.hpp"

namespace edge {

/// One stream connection, with TLS in it or without: its user sees the same of both. Writes are
/// gathered and leave together by `flush`; closing lets what was written go out first. Owned by its
/// user, who deletes it when `gone` is called.
class TcpConnection {
public:
    enum class Ended : std::uint8_t {
        peer_closed,  ///< it sends no more; what was written to it may still leave
        failed,       ///< reset, timed out
        overflow,     ///< it does not read: more than the bound would wait
        not_secured,  ///< the TLS handshake of one that was accepted failed: see `tls_error`
    };
    class User {
    public:
        /// Where to read; used for one callback.
        virtual std::span<char> receive_slab() = 0;
        /// Where what TLS decrypts goes; used for one call of `received`.
        virtual std::span<char> plaintext_slab() = 0;
        /// The answer to `connect`: 0, or a libuv error. With TLS in it: the handshake is done, or
        /// failed (UV_EPROTO, see `tls_error`).
        virtual void opened(TcpConnection& connection, int status) = 0;
        /// The handshake of a TLS connection is done; before `opened` or the first `received`.
        virtual void secured(TcpConnection& connection) = 0;
        virtual void received(TcpConnection& connection, std::span<const char> bytes) = 0;
        /// No more is received. Called once, and not after close() or abort(); answer with one.
        virtual void ended(TcpConnection& connection, Ended why) = 0;
        /// libuv let go of it. Delete it.
        virtual void gone(TcpConnection& connection) = 0;

    protected:
        ~User() = default;
    };

    /// `write_bytes_max`: bytes that may wait unsent, what it takes to keep them included.
    TcpConnection(User& user, std::size_t write_bytes_max)
        : user_(user), write_bytes_max_(write_bytes_max) {}
    TcpConnection(const TcpConnection&) = delete;
    TcpConnection& operator=(const TcpConnection&) = delete;

    /// Puts TLS into it, before one of these.
    void secure(std::unique_ptr<TlsSession> session) { tls_ = std::move(session); }
    // One of these, once; each gives 0 or a libuv error. After an error, delete the connection if
    // `has_handle` is false, else abort() it.
    int accept(uv_loop_t* loop, Descriptor accepted);
    int connect(uv_loop_t* loop, const sip::Endpoint& to);
    bool has_handle() const { return state_ != State::none; }

    sip::FlowId flow{};  ///< the user's
    bool held = false;   ///< the user's: it is not to be read from
    /// The user's: in the line of those whose handshake has a deadline.
    struct Handshake : sip::Linked {
        TcpConnection* connection = nullptr;
        sip::Instant until{};
    } handshake;

    /// Null: there is none in it.
    const TlsSession* tls() const { return tls_.get(); }
    /// Why the handshake failed, for a person.
    const std::string& tls_error() const { return tls_error_; }
    /// It has taken too long: fails as one that is refused.
    void give_up_handshake() { fail_handshake("it did not finish the TLS handshake in time"); }
    bool is_handshaking() const {
        return tls_ && tls_->state() == TlsSession::State::handshake && tls_error_.empty();
    }
    /// We opened it and its user has not been told yet what came of it.
    bool is_opening() const { return opening_; }

    const sip::Endpoint& local() const { return local_; }
    const sip::Endpoint& remote() const { return remote_; }
    bool is_closing() const { return state_ == State::closing || state_ == State::closed; }

    /// Begins to read; of a connection that was accepted or has been opened.
    int start();
    /// Reads no more until `start`; what the peer sends waits in the kernel.
    void pause();
    void write(sip::Packet packet);
    /// Something was written that `flush` will send.
    bool has_gathered() const { return !gathered_.empty(); }
    void flush();
    /// Bytes that the kernel has not taken yet.
    std::size_t unsent() const { return gathered_bytes_ + handle_.write_queue_size; }
    /// Sends what was written, ends our side, waits for the peer to end its own (so that a reset
    /// does not overtake our last message), then calls `gone`. Waits without end: abort() it.
    void close();
    /// Closes without waiting: what the system has taken still leaves. Then calls `gone`.
    void let_go();
    /// Drops what was not sent, resets the connection, then calls `gone`.
    void abort();

private:
    enum class State : std::uint8_t { none, idle, connecting, open, closing, closed };
    struct Write {
        uv_write_t request{};
        std::vector<sip::Packet> packets;
        std::string ciphertext;
    };
    // A batch this long leaves at once, so that the bound is met by what waits, not by what a busy
    // turn wrote to a peer that reads.
    static constexpr std::size_t gather_bytes = std::size_t{64} << 10;
    // What a packet that waits costs besides its bytes: a peer may
    // ask for very many that are short.
    static constexpr std::size_t packet_bytes = sizeof(sip::Packet) + 2 * sizeof(uv_buf_t);

    uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&handle_); }
    int init(uv_loop_t* loop);
    void on_connected(int status);
    void on_read(ssize_t size, const char* bytes);
    void on_end_of_stream(ssize_t why);
    void on_ciphertext(std::span<const char> bytes);
    /// False: the connection is not to be used any more.
    bool tell_of_handshake();
    void fail_handshake(std::string why);
    void encrypt();
    void send_ciphertext();
    void send(std::unique_ptr<Write> write, std::span<const uv_buf_t> pieces);
    bool is_over_bound() const;
    void on_written(const Write& write, int status);
    void say_closed();
    void end(Ended why);
    void close_handle();

    User& user_;
    std::size_t write_bytes_max_;
    uv_tcp_t handle_{};
    uv_connect_t connect_{};
    uv_shutdown_t shutdown_{};
    State state_ = State::none;
    bool told_ended_ = false;
    bool peer_ended_ = false;
    bool shut_down_ = false;
    bool opening_ = false;
    std::unique_ptr<TlsSession> tls_;
    std::string tls_error_;
    sip::Endpoint local_, remote_;
    std::vector<sip::Packet> gathered_;
    std::size_t gathered_bytes_ = 0;
    std::size_t writing_packets_ = 0;  ///< of writes whose end libuv has not told yet
};

}  // namespace edge
