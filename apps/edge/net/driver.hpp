#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apps/edge/net/engine.hpp"
#include "apps/edge/net/line_server.hpp"
#include "apps/edge/net/listen_spec.hpp"
#include "apps/edge/net/net_counters.hpp"
#include "apps/edge/net/relay.hpp"
#include "apps/edge/net/resolver.hpp"
#include "apps/edge/net/tcp_connection.hpp"
#include "apps/edge/net/tcp_listener.hpp"
#include "apps/edge/net/udp_socket.hpp"
#include "sip/base/limits.hpp"

namespace edge {

struct DriverOptions {
    /// Unsent bytes a connection; over: it is reset (Limits::flow_write_bytes).
    std::size_t flow_write_bytes = sip::Limits{}.flow_write_bytes;
    /// How long a connection that the core closed may take to end.
    sip::Duration close_timeout = sip::seconds{2};
    /// How long a TLS connection may take to stand, from the start.
    sip::Duration tls_handshake_timeout = sip::seconds{10};
    /// How long timers may wait for datagrams that came before they were due, and for the reading
    /// of which there was no time. 0: they do not.
    sip::Duration input_lag_max = sip::milliseconds{500};
    /// How long `stop` waits for what is unsent.
    sip::Duration stop_timeout = sip::seconds{2};
    /// Connections at one time; further ones wait in the kernel, and we open only a few more. 0: as
    /// many as there are descriptors for when `listen` is called, with some to spare.
    std::size_t connections_max = 0;
    /// How long accepting pauses where the system has no descriptor or memory left.
    sip::Duration accept_retry = sip::milliseconds{100};
    Resolver::Options names;
    UdpSocket::Options udp;
    TcpListener::Options tcp;
};

/// A TLS connection that did not come to be, or whose peer proved nothing though it tried.
struct TlsTrouble {
    sip::Endpoint remote;
    bool by_us = false;  ///< we opened it
    bool refused = true;
    std::string why;  ///< "its certificate expired on 2026-01-31"
};

/// Runs an Engine on libuv: sockets, the one timer, signals. Single-threaded, no globals but that
/// SIGPIPE is ignored from then on.
///
/// The driver holds packets of the engine, so it goes first: declare the engine's core, then the
/// engine, then the driver.
class Driver final : public RelayedConnections,
                     UdpSocket::User,
                     TcpConnection::User,
                     TcpListener::User {
public:
    struct Listening {
        sip::Transport transport = sip::Transport::udp;
        sip::Endpoint local;  ///< with the real port
        sip::ListenerId id{};
    };

    explicit Driver(Engine& engine, const DriverOptions& options = {});
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;
    ~Driver();

    // Set up, before `run`.
    /// What TLS connections begin with from now on; without one there are none. Before `listen`
    /// with a tls listener, and at any time again.
    void set_tls(std::shared_ptr<TlsContext> context) { tls_ = std::move(context); }
    void on_tls_trouble(std::function<void(const TlsTrouble&)> tell) { tls_trouble_ = tell; }
    /// Binds every listener and adds each to the engine, or says why not: then this driver is of
    /// no use any more.
    /// `advertise` outlives the engine's core.
    Outcome<void> listen(std::span<const ListenSpec> specs, std::string_view advertise = {});
    /// The same with sockets that are bound already.
    Outcome<void> listen(std::vector<BoundSocket> bound, std::string_view advertise = {});
    const std::vector<Listening>& listening() const { return listening_; }
    /// "ready udp:127.0.0.1:5060 tcp:127.0.0.1:5060"
    std::string ready_line() const;
    /// Called whenever the engine has given all its effects for now. It may call the core: what
    /// that brings about is sent in the same turn.
    void after_drain(std::function<void()> hook) { after_drain_ = std::move(hook); }
    /// Takes Commit effects; answer each with `committed` or `failed`, at once or later. Without
    /// one every commit is answered at once.
    void store(std::function<void(const sip::Commit&)> take) { store_ = std::move(take); }
    /// Answers programs of this machine by `socket`, from now on until this goes.
    Outcome<void> serve_lines(LocalSocket socket, LineServer::Ask ask, LineServer::Refuse refuse,
                              const LineServer::Options& options = {});
    /// Calls `then` in the loop whenever the signal comes.
    void on_signal(int number, std::function<void()> then);
    /// Calls `then` in the loop, once, some time after each call of `wake`.
    void on_wake(std::function<void()> then);
    /// From any thread, once `on_wake` was called and until this goes.
    void wake() { uv_async_send(&wake_); }
    /// Connections of other workers; `relayed_bytes` bounds what others wrote to ours and is not
    /// sent. `relay` outlives this.
    void set_relay(Relay& relay, std::size_t relayed_bytes);
    /// Others may have something for us.
    void take_relayed();
    void relay_write(sip::FlowId flow, std::string_view bytes) override;
    void relay_close(const sip::Now& now, sip::FlowId flow) override;
    /// Calls `then` whenever a file in `folder` is made, changed or removed, with its name; with an
    /// empty one where that is not known. Several changes may come as one. The error: the folder
    /// cannot be watched.
    Outcome<void> on_folder_change(const std::string& folder,
                                   std::function<void(std::string_view)> then);
    /// Calls `then` once, in the loop, `after` from now.
    void after(sip::Duration after, std::function<void()> then);

    // Running.
    /// Until `stop`.
    void run();
    /// One turn of the loop: if there is nothing to do, waits for something unless `wait` is false.
    void turn(bool wait = true);
    /// Ends `run` once what is unsent has left, or `stop_timeout` is over.
    void stop();
    void committed(sip::CommitId id);
    void failed(sip::CommitId id);

    /// No queue is full. While one is, the engine is not asked for effects.
    bool writable() const;
    /// Something waits that the kernel has not taken.
    bool has_unsent() const;
    std::size_t connections() const { return connections_.size(); }
    const NetCounters& counters() const { return counters_; }
    /// For what stands beside the sockets and counts in the same place.
    NetCounters& counters_of_others() { return counters_; }
    uv_loop_t* loop() { return &loop_; }

private:
    struct Closing {
        sip::Instant until;
        TcpConnection* connection;
    };
    struct Later {
        sip::Instant at;
        std::function<void()> then;
    };
    struct Signal {
        uv_signal_t handle{};
        std::function<void()> then;
    };

    struct Folder {
        uv_fs_event_t handle{};
        std::function<void(std::string_view)> then;
    };

    std::span<char> receive_slab() override { return {slab_.get(), receive_slab_bytes}; }
    std::span<char> plaintext_slab() override { return plaintext_; }
    void received(UdpSocket& socket, const sip::Endpoint& from,
                  std::span<const char> bytes) override;
    void received_all() override;
    void receiving(bool is_full) override;
    bool is_behind() const;
    void unreachable(UdpSocket& socket, const sip::Endpoint& to,
                     std::span<const char> quoted) override;
    void sendable() override {}
    void opened(TcpConnection& connection, int status) override;
    void secured(TcpConnection& connection) override;
    void received(TcpConnection& connection, std::span<const char> bytes) override;
    void ended(TcpConnection& connection, TcpConnection::Ended why) override;
    void gone(TcpConnection& connection) override;
    bool may_accept(TcpListener& listener) override;
    void accepted(TcpListener& listener, Descriptor connection) override;
    void accept_failed(TcpListener& listener, int error) override;

    Outcome<void> add(BoundSocket bound, std::string_view advertise);
    void accept_again();
    TcpConnection& make_connection();
    /// Puts TLS into it, with a deadline. False: there is none to be had.
    bool secure(TcpConnection& connection, std::unique_ptr<TlsSession> session);
    void tell_of_tls(const TcpConnection& connection, bool by_us, bool refused, std::string why);
    int open(const sip::OpenFlow& open);
    TcpConnection* find(sip::FlowId flow);
    void drop(TcpConnection& connection);
    void forget_flow(TcpConnection& connection);

    sip::Now read_now();
    void drain(int effects_max);
    int give_effects(int effects_max);
    void carry_out(sip::Effect& effect);
    void carry_out(sip::Transmit& transmit);
    void carry_out(const sip::OpenFlow& open);
    void carry_out(const sip::CloseFlow& close);
    void carry_out(const sip::Commit& commit);
    void carry_out(const sip::Resolve& resolve);
    void close_gently(TcpConnection& connection);

    void end_turn();
    void hold_streams();
    void read_on();
    void flush();
    void on_timer();
    void fire_later(sip::Instant now);
    void fire_closing(sip::Instant now);
    void fire_handshakes(sip::Instant now);
    void arm();
    sip::Instant next_deadline() const;

    Engine& engine_;
    std::unique_ptr<sip::Memory> relayed_;  ///< goes after the packets in it
    Relay* relay_ = nullptr;
    DriverOptions options_;
    uv_loop_t loop_{};
    uv_timer_t timer_{};
    uv_prepare_t prepare_{};
    uv_async_t wake_{};
    std::function<void()> on_wake_;
    sip::Instant armed_ = sip::never;
    std::unique_ptr<char[]> slab_;  ///< never written as a whole: most of it stays untouched
    std::vector<char> plaintext_;
    sip::Now now_;  ///< read last; nothing that the engine was told is later
    NetCounters counters_;
    std::vector<Listening> listening_;
    std::vector<UdpSocket::Owned> udp_;  ///< by ListenerId, empty where it is a stream's
    std::vector<TcpListener::Owned> tcp_;
    std::shared_ptr<TlsContext> tls_;
    std::function<void(const TlsTrouble&)> tls_trouble_;
    sip::Linked handshakes_;  ///< head: TLS connections that do not stand yet, the oldest first
    std::unordered_map<TcpConnection*, std::unique_ptr<TcpConnection>> connections_;
    std::unordered_map<sip::FlowId, TcpConnection*> by_flow_;
    std::vector<TcpConnection*> written_;  ///< to flush at the end of the turn
    std::vector<TcpConnection*> held_;     ///< not read from: the engine is behind with them
    std::vector<Closing> closing_;
    std::vector<Later> later_;
    std::vector<std::unique_ptr<Signal>> signals_;
    std::vector<std::unique_ptr<Folder>> folders_;
    std::function<void()> after_drain_;
    std::function<void(const sip::Commit&)> store_;
    std::unique_ptr<LineServer> lines_;
    std::unique_ptr<Resolver> resolver_;  ///< made for the first question
    std::size_t connections_max_ = 0;     ///< from there on none is accepted
    std::size_t opened_max_ = SIZE_MAX;   ///< from there on none is opened
    bool accept_retry_is_due_ = false;    ///< a callback to accept again is asked for
    bool draining_ = false;
    bool had_datagrams_ = false;  ///< in this turn
    bool is_behind_ = false;      ///< more has come by UDP than was read
    bool streams_held_ = false;   ///< nothing is read from them
    bool more_ = false;           ///< the engine has more to give than fits one turn
    bool one_turn_ = false;       ///< `turn` runs, not `run`
    bool worked_ = false;         ///< in this turn a timer fired or effects were given
    bool stopping_ = false;
    bool going_ = false;  ///< the destructor runs: the engine is not called any more
    sip::Instant stop_at_ = sip::never;
};

}  // namespace edge
