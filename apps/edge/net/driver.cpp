#include "apps/edge/net/driver.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iterator>
#include <utility>
#include <variant>

#include "apps/edge/net/clock.hpp"
#include "apps/edge/net/descriptor.hpp"

namespace edge {

namespace {

// Descriptors kept free of accepted connections: half of them for connections that we open, half
// for files and stores.
constexpr std::size_t spare_descriptors = 32;
// At most so many effects are given at one time, so that a burst of NOTIFYs does not keep what
// arrives waiting.
constexpr int effects_a_drain = 1024;
// And where datagrams came so many, up to four times a turn: no more than a turn takes in, or the
// answers to a burst would not fit into the kernel's buffer.
constexpr int effects_a_batch = 160;
// So many are given as of one instant.
constexpr int effects_a_clock = 32;
// The hook may bring about effects, which call the hook: so often in one turn.
constexpr int rounds_max = 8;
// Connections that wait for their peer's end. Over it they are closed without waiting.
constexpr std::size_t closing_max = 256;
// As much as one TLS record holds (RFC 8446 5.1).
constexpr std::size_t plaintext_bytes = std::size_t{16} << 10;

}  // namespace

Driver::Driver(Engine& engine, const DriverOptions& options)
    : engine_(engine),
      options_(options),
      slab_(std::make_unique_for_overwrite<char[]>(receive_slab_bytes)),
      plaintext_(plaintext_bytes) {
    std::signal(SIGPIPE, SIG_IGN);
    if (uv_loop_init(&loop_) != 0) std::abort();
    uv_timer_init(&loop_, &timer_);
    uv_prepare_init(&loop_, &prepare_);
    timer_.data = this;
    prepare_.data = this;
    // Before the loop waits, whatever happened before: the end of a turn.
    uv_prepare_start(&prepare_,
                     [](uv_prepare_t* handle) { static_cast<Driver*>(handle->data)->end_turn(); });
}

Driver::~Driver() {
    going_ = true;
    lines_.reset();
    resolver_.reset();
    udp_.clear();
    tcp_.clear();
    for (const auto& [connection, owned] : connections_) connection->let_go();
    for (const auto& signal : signals_)
        uv_close(reinterpret_cast<uv_handle_t*>(&signal->handle), nullptr);
    for (const auto& folder : folders_)
        uv_close(reinterpret_cast<uv_handle_t*>(&folder->handle), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
    if (on_wake_) uv_close(reinterpret_cast<uv_handle_t*>(&wake_), nullptr);
    while (uv_run(&loop_, UV_RUN_DEFAULT) != 0) {
    }
    uv_loop_close(&loop_);
}

// ---- Set up -------------------------------------------------------------------------------------

Outcome<void> Driver::listen(std::span<const ListenSpec> specs, std::string_view advertise) {
    auto bound = bind_listeners(specs);
    if (!bound) return failure(bound.error());
    return listen(std::move(*bound), advertise);
}

Outcome<void> Driver::listen(std::vector<BoundSocket> bound, std::string_view advertise) {
    for (BoundSocket& socket : bound)
        if (auto added = add(std::move(socket), advertise); !added) return added;
    const std::size_t left = descriptors_left();
    connections_max_ = options_.connections_max != 0  ? options_.connections_max
                       : left > 2 * spare_descriptors ? left - spare_descriptors
                                                      : left / 2;
    opened_max_ = connections_max_ + spare_descriptors / 2;
    return {};
}

Outcome<void> Driver::add(BoundSocket bound, std::string_view advertise) {
    if (bound.transport == sip::Transport::tls && !tls_)
        return failure("cannot listen on " + to_text(bound.transport, bound.local) +
                       ": TLS is not set up");
    const auto id = static_cast<sip::ListenerId>(udp_.size());
    const Listening listening{bound.transport, bound.local, id};
    udp_.emplace_back();
    if (bound.transport == sip::Transport::udp) {
        auto socket = UdpSocket::open(&loop_, std::move(bound), id, *this, counters_, options_.udp);
        if (!socket) return failure(socket.error());
        udp_.back() = std::move(*socket);
    } else {
        auto listener = TcpListener::open(&loop_, std::move(bound), *this, options_.tcp);
        if (!listener) return failure(listener.error());
        tcp_.push_back(std::move(*listener));
    }
    if (!engine_.add_listener({id, listening.transport, listening.local, advertise}))
        return failure("cannot listen on " + to_text(listening.transport, listening.local) +
                       ": too many listeners; give fewer with --listen");
    listening_.push_back(listening);
    return {};
}

std::string Driver::ready_line() const {
    std::string line = "ready";
    for (const Listening& each : listening_) line += " " + to_text(each.transport, each.local);
    return line;
}

Outcome<void> Driver::serve_lines(LocalSocket socket, LineServer::Ask ask,
                                  LineServer::Refuse refuse, const LineServer::Options& options) {
    auto started = LineServer::start(&loop_, std::move(socket), std::move(ask), std::move(refuse),
                                     counters_, options);
    if (!started) return failure(started.error());
    lines_ = std::move(*started);
    return {};
}

void Driver::on_signal(int number, std::function<void()> then) {
    auto signal = std::make_unique<Signal>();
    signal->then = std::move(then);
    signal->handle.data = signal.get();
    uv_signal_init(&loop_, &signal->handle);
    uv_signal_start(
        &signal->handle,
        [](uv_signal_t* handle, int) { static_cast<Signal*>(handle->data)->then(); }, number);
    signals_.push_back(std::move(signal));
}

void Driver::on_wake(std::function<void()> then) {
    if (!on_wake_) {
        wake_.data = this;
        uv_async_init(&loop_, &wake_,
                      [](uv_async_t* handle) { static_cast<Driver*>(handle->data)->on_wake_(); });
    }
    on_wake_ = std::move(then);
}

Outcome<void> Driver::on_folder_change(const std::string& path,
                                       std::function<void(std::string_view)> then) {
    auto folder = std::make_unique<Folder>();
    folder->then = std::move(then);
    folder->handle.data = folder.get();
    uv_fs_event_init(&loop_, &folder->handle);
    const auto changed = [](uv_fs_event_t* handle, const char* name, int, int status) {
        static_cast<Folder*>(handle->data)
            ->then(status == 0 && name != nullptr ? std::string_view(name) : std::string_view{});
    };
    const int error = uv_fs_event_start(&folder->handle, changed, path.c_str(), 0);
    // Its handle is closed with the others.
    folders_.push_back(std::move(folder));
    if (error != 0) return failure("cannot watch " + path + ": " + uv_strerror(error));
    return {};
}

void Driver::after(sip::Duration after, std::function<void()> then) {
    later_.push_back({sip::later(read_clocks().mono, after), std::move(then)});
}

// ---- Running ------------------------------------------------------------------------------------

void Driver::run() {
    uv_run(&loop_, UV_RUN_DEFAULT);
    stopping_ = false;
    stop_at_ = sip::never;
}

void Driver::turn(bool wait) {
    one_turn_ = true;
    worked_ = false;
    uv_run(&loop_, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    one_turn_ = false;
}

void Driver::stop() {
    if (stopping_) return;
    stopping_ = true;
    stop_at_ = sip::later(read_clocks().mono, options_.stop_timeout);
}

/// While more has come by UDP than was read yet, no time passes for the engine, within bounds: it
/// is not to send again what may have been answered.
sip::Now Driver::read_now() {
    const sip::Instant told = now_.mono;
    now_ = read_clocks();
    if (is_behind_) now_.mono = std::max(told, now_.mono - options_.input_lag_max);
    return now_;
}

bool Driver::is_behind() const {
    return std::any_of(udp_.begin(), udp_.end(),
                       [](const auto& socket) { return socket && socket->is_behind(); });
}

void Driver::committed(sip::CommitId id) { engine_.committed(read_now(), id); }
void Driver::failed(sip::CommitId id) { engine_.failed(read_now(), id); }

bool Driver::writable() const {
    return (relay_ == nullptr || relay_->has_room()) &&
           std::none_of(udp_.begin(), udp_.end(),
                        [](const auto& socket) { return socket && socket->is_full(); });
}

bool Driver::has_unsent() const {
    return std::any_of(udp_.begin(), udp_.end(),
                       [](const auto& socket) { return socket && socket->queued() > 0; }) ||
           std::any_of(connections_.begin(), connections_.end(),
                       [](const auto& each) { return each.first->unsent() > 0; });
}

/// What the engine has to give, the hook after it, and what the hook brought about.
void Driver::drain(int effects_max) {
    if (draining_ || going_) return;
    draining_ = true;
    int left = effects_max - give_effects(effects_max);
    for (int round = 0; after_drain_; ++round) {
        after_drain_();
        const int given = give_effects(left);
        if (given == 0) break;
        left -= given;
        if (round + 1 == rounds_max) {
            more_ = true;
            break;
        }
    }
    draining_ = false;
}

/// How many there were, at most so many.
int Driver::give_effects(int effects_max) {
    int given = 0;
    for (; writable(); ++given) {
        if (given == effects_max) {
            more_ = true;
            break;
        }
        if (given % effects_a_clock == 0) read_now();
        auto effect = engine_.poll(sip::Now(now_));
        if (!effect) break;
        worked_ = true;
        carry_out(*effect);
    }
    return given;
}

void Driver::end_turn() {
    more_ = false;
    drain(std::exchange(had_datagrams_, false) ? effects_a_batch : effects_a_drain);
    flush();
    if (relay_ != nullptr) {
        if (relay_->end_turn()) more_ = true;
        hold_streams();
    }
    read_on();
    if (stopping_ && !more_ && (!has_unsent() || read_clocks().mono >= stop_at_)) uv_stop(&loop_);
    // libuv would wait for more to happen although something has.
    if (one_turn_ && worked_) uv_stop(&loop_);
    arm();
}

void Driver::flush() {
    for (const auto& socket : udp_)
        if (socket) socket->flush();
    // What is written while this runs is for the next turn.
    std::vector<TcpConnection*> written;
    written.swap(written_);
    for (TcpConnection* connection : written) connection->flush();
}

sip::Instant Driver::next_deadline() const {
    // The same each time: a timer that is set anew in every turn would never be due.
    if (more_) return sip::Instant{};
    sip::Instant next = stop_at_;
    if (writable()) next = std::min(next, engine_.deadline_at_least().value_or(sip::never));
    for (const Later& each : later_) next = std::min(next, each.at);
    for (const Closing& each : closing_) next = std::min(next, each.until);
    if (!handshakes_.alone())
        next = std::min(next, static_cast<TcpConnection::Handshake*>(handshakes_.next())->until);
    for (const auto& socket : udp_)
        if (socket) next = std::min(next, socket->blocked_until());
    return next;
}

void Driver::arm() {
    const sip::Instant next = next_deadline();
    if (next == armed_) return;
    armed_ = next;
    if (next == sip::never) {
        uv_timer_stop(&timer_);
        return;
    }
    // The loop's time is that of `mono` in whole milliseconds. Rounded up: never too early.
    const auto due = std::chrono::ceil<std::chrono::milliseconds>(next.time_since_epoch()).count();
    const auto now = static_cast<std::int64_t>(uv_now(&loop_));
    uv_timer_start(
        &timer_, [](uv_timer_t* handle) { static_cast<Driver*>(handle->data)->on_timer(); },
        due > now ? static_cast<std::uint64_t>(due - now) : 0, 0);
}

void Driver::on_timer() {
    armed_ = sip::never;
    worked_ = true;
    const sip::Now now = read_clocks();
    for (const auto& socket : udp_) {
        if (!socket) continue;
        socket->expire(now.mono);
        socket->receive();
    }
    fire_closing(now.mono);
    fire_handshakes(now.mono);
    fire_later(now.mono);
    // Later than `now`: what fired may have told the engine of a time since.
    engine_.advance(read_now());
    drain(effects_a_batch);
}

void Driver::fire_later(sip::Instant now) {
    // Apart from the list: a callback may add to it.
    std::vector<Later> due;
    const auto keep = std::stable_partition(later_.begin(), later_.end(),
                                            [&](const Later& each) { return each.at > now; });
    std::move(keep, later_.end(), std::back_inserter(due));
    later_.erase(keep, later_.end());
    std::stable_sort(due.begin(), due.end(),
                     [](const Later& a, const Later& b) { return a.at < b.at; });
    for (const Later& each : due) each.then();
}

void Driver::fire_closing(sip::Instant now) {
    std::vector<TcpConnection*> due;
    for (const Closing& each : closing_)
        if (each.until <= now) due.push_back(each.connection);
    std::erase_if(closing_, [&](const Closing& each) { return each.until <= now; });
    for (TcpConnection* connection : due) {
        ++counters_.close_timeouts;
        connection->abort();
    }
}

void Driver::fire_handshakes(sip::Instant now) {
    while (!handshakes_.alone()) {
        auto& first = static_cast<TcpConnection::Handshake&>(*handshakes_.next());
        if (first.until > now) return;
        first.leave();
        ++counters_.tls_timeouts;
        first.connection->give_up_handshake();
    }
}

// ---- What comes in ------------------------------------------------------------------------------

void Driver::receiving(bool is_full) {
    is_behind_ = is_full || is_behind();
    if (!going_) read_now();
}

void Driver::received(UdpSocket& socket, const sip::Endpoint& from, std::span<const char> bytes) {
    if (going_) return;
    had_datagrams_ = true;
    engine_.input(sip::Now(now_), sip::Datagram{socket.id(), from, bytes});
}

void Driver::received_all() {
    is_behind_ = is_behind();
    drain(effects_a_batch);
}

/// May come in the middle of sending: what it brings about is for the next turn.
void Driver::unreachable(UdpSocket& socket, const sip::Endpoint& to, std::span<const char> quoted) {
    if (going_) return;
    engine_.unreachable(read_now(), {socket.id(), to, quoted});
    more_ = true;
}

void Driver::received(TcpConnection& connection, std::span<const char> bytes) {
    if (going_) return;
    const sip::FlowId flow = connection.flow;
    engine_.input(read_now(), sip::Chunk{flow, bytes});
    drain(effects_a_drain);
    // What it sends meanwhile waits in the kernel, and then with the peer.
    if (connection.flow != flow || !engine_.is_behind(flow)) return;
    connection.pause();
    if (!std::exchange(connection.held, true)) held_.push_back(&connection);
}

/// Of the connections that were held, those whose bytes were all looked at; and those that end, for
/// their end is read as well.
void Driver::read_on() {
    if (streams_held_) return;
    std::erase_if(held_, [this](TcpConnection* each) {
        if (each->flow != sip::FlowId{} && engine_.is_behind(each->flow)) return false;
        each->held = false;
        each->start();
        return true;
    });
}

bool Driver::may_accept(TcpListener&) {
    if (connections_.size() < connections_max_) return true;
    ++counters_.accept_pauses;
    return false;
}

void Driver::accept_failed(TcpListener&, int) {
    ++counters_.accept_errors;
    if (accept_retry_is_due_) return;
    accept_retry_is_due_ = true;
    after(options_.accept_retry, [this] {
        accept_retry_is_due_ = false;
        accept_again();
    });
}

void Driver::accepted(TcpListener& listener, Descriptor accepted) {
    TcpConnection& connection = make_connection();
    if (listener.transport() == sip::Transport::tls && !secure(connection, tls_->accept())) {
        ++counters_.accept_errors;
        drop(connection);
        return;
    }
    if (connection.accept(&loop_, std::move(accepted)) != 0) {
        ++counters_.accept_errors;
        drop(connection);
        return;
    }
    ++counters_.connections_accepted;
    connection.flow =
        engine_.accepted(read_now(), listener.transport(), connection.local(), connection.remote());
    if (connection.flow == sip::FlowId{}) {
        ++counters_.connections_refused;
        drop(connection);
    } else {
        by_flow_[connection.flow] = &connection;
        if (!streams_held_) connection.start();
    }
    drain(effects_a_drain);
}

void Driver::accept_again() {
    for (const auto& listener : tcp_) listener->resume();
}

void Driver::opened(TcpConnection& connection, int status) {
    if (going_) return;
    const sip::Now now = read_now();
    if (status == 0) {
        ++counters_.connections_opened;
        if (!streams_held_) connection.start();
        engine_.connected(now, connection.flow, connection.local());
    } else {
        ++counters_.connect_failures;
        const sip::FlowId flow = connection.flow;
        connection.handshake.leave();
        forget_flow(connection);
        if (connection.tls_error().empty()) {
            drop(connection);
        } else {
            tell_of_tls(connection, true, true, connection.tls_error());
            connection.let_go();
        }
        engine_.closed(now, flow);
    }
    drain(effects_a_drain);
}

void Driver::secured(TcpConnection& connection) {
    if (going_) return;
    connection.handshake.leave();
    const TlsSession& tls = *connection.tls();
    ++counters_.tls_handshakes;
    if (tls.is_resumed()) ++counters_.tls_resumed;
    if (!tls.doubt().empty()) tell_of_tls(connection, connection.is_opening(), false, tls.doubt());
    const std::vector<std::string_view> names(tls.peer_names().begin(), tls.peer_names().end());
    engine_.secured(read_now(), connection.flow, names);
}

void Driver::ended(TcpConnection& connection, TcpConnection::Ended why) {
    if (going_) return;
    const sip::FlowId flow = connection.flow;
    forget_flow(connection);
    connection.handshake.leave();
    if (why == TcpConnection::Ended::overflow) ++counters_.write_overflows;
    if (why == TcpConnection::Ended::not_secured) {
        tell_of_tls(connection, false, true, connection.tls_error());
        connection.let_go();  // an alert may be on its way
    } else if (why == TcpConnection::Ended::peer_closed)
        close_gently(connection);
    else
        drop(connection);
    engine_.closed(read_now(), flow);
    drain(effects_a_drain);
    more_ = true;  // it may have ended in the flush of this turn: what follows needs another
}

void Driver::gone(TcpConnection& connection) {
    std::erase(written_, &connection);
    if (connection.held) std::erase(held_, &connection);
    std::erase_if(closing_, [&](const Closing& each) { return each.connection == &connection; });
    connections_.erase(&connection);
    if (!going_) accept_again();
}

// ---- What goes out ------------------------------------------------------------------------------

void Driver::carry_out(sip::Effect& effect) {
    std::visit([this](auto& each) { carry_out(each); }, effect);
}

void Driver::carry_out(sip::Transmit& transmit) {
    if (const auto* to = std::get_if<sip::ToEndpoint>(&transmit.where)) {
        const auto index = static_cast<std::size_t>(to->via);
        if (index < udp_.size() && udp_[index])
            udp_[index]->send(to->to, std::move(transmit.packet));
        else
            ++counters_.unknown_flows;
        return;
    }
    const auto flow = std::get<sip::FlowId>(transmit.where);
    TcpConnection* connection = find(flow);
    if (connection == nullptr) {
        if (relay_ != nullptr && relay_->transmit(flow, transmit.packet)) return;
        ++counters_.unknown_flows;
        return;
    }
    if (!connection->has_gathered()) written_.push_back(connection);
    connection->write(std::move(transmit.packet));
}

void Driver::carry_out(const sip::OpenFlow& open) {
    if (this->open(open) == 0) return;
    ++counters_.connect_failures;
    engine_.closed(read_now(), open.flow);
}

int Driver::open(const sip::OpenFlow& open) {
    if (connections_.size() >= opened_max_) return UV_EMFILE;
    const bool with_tls = open.transport == sip::Transport::tls;
    if (open.transport != sip::Transport::tcp && !(with_tls && tls_)) return UV_ENOTSUP;
    TcpConnection& connection = make_connection();
    int status = UV_ENOMEM;
    if (!with_tls || secure(connection, tls_->connect(open.domain.view())))
        status = connection.connect(&loop_, open.to);
    if (status != 0) {
        drop(connection);
        return status;
    }
    connection.flow = open.flow;
    by_flow_[open.flow] = &connection;
    return 0;
}

void Driver::carry_out(const sip::CloseFlow& close) {
    TcpConnection* connection = find(close.flow);
    if (connection == nullptr) {
        if (relay_ != nullptr) (void)relay_->close(close.flow, close.released);
        return;
    }
    connection->handshake.leave();
    forget_flow(*connection);
    close_gently(*connection);
}

void Driver::carry_out(const sip::Commit& commit) {
    if (store_)
        store_(commit);
    else
        engine_.committed(read_now(), commit.id);
}

void Driver::carry_out(const sip::Resolve& resolve) {
    if (resolver_ == nullptr)
        resolver_ = std::make_unique<Resolver>(&loop_, options_.names,
                                               [this](const sip::NameAnswer& answer) {
                                                   if (going_) return;
                                                   engine_.resolved(read_now(), answer);
                                                   drain(effects_a_drain);
                                               });
    resolver_->ask(resolve);
}

// ---- Other workers ------------------------------------------------------------------------------

void Driver::set_relay(Relay& relay, std::size_t relayed_bytes) {
    relay_ = &relay;
    relayed_ = std::make_unique<sip::Memory>(relayed_bytes);
}

void Driver::take_relayed() {
    if (going_ || relay_ == nullptr) return;
    worked_ = true;
    if (relay_->take(read_now())) more_ = true;
    drain(effects_a_drain);
}

void Driver::relay_write(sip::FlowId flow, std::string_view bytes) {
    TcpConnection* connection = find(flow);
    if (connection == nullptr) {
        ++counters_.unknown_flows;
        return;
    }
    sip::Packet packet{sip::SharedBytes::copy(*relayed_, bytes), {}};
    if (!packet) {
        // A gap would break what it says: it goes, as one that does not read.
        ++counters_.write_overflows;
        relay_close(read_now(), flow);
        return;
    }
    if (!connection->has_gathered()) written_.push_back(connection);
    connection->write(std::move(packet));
}

void Driver::relay_close(const sip::Now& now, sip::FlowId flow) {
    TcpConnection* connection = find(flow);
    if (connection == nullptr) return;
    connection->handshake.leave();
    forget_flow(*connection);
    close_gently(*connection);
    engine_.closed(now, flow);
}

/// While the way to others is full, what peers send waits in the kernel.
void Driver::hold_streams() {
    const bool hold = !relay_->has_room();
    if (hold == streams_held_) return;
    streams_held_ = hold;
    for (const auto& [flow, connection] : by_flow_)
        if (hold)
            connection->pause();
        else if (!engine_.is_behind(flow))
            connection->start();
}

// ---- Connections --------------------------------------------------------------------------------

TcpConnection& Driver::make_connection() {
    TcpConnection::User& user = *this;
    auto made = std::make_unique<TcpConnection>(user, options_.flow_write_bytes);
    TcpConnection& connection = *made;
    connections_.emplace(&connection, std::move(made));
    return connection;
}

bool Driver::secure(TcpConnection& connection, std::unique_ptr<TlsSession> session) {
    if (!session) return false;
    connection.secure(std::move(session));
    connection.handshake.connection = &connection;
    connection.handshake.until = sip::later(read_clocks().mono, options_.tls_handshake_timeout);
    connection.handshake.join(handshakes_);
    return true;
}

void Driver::tell_of_tls(const TcpConnection& connection, bool by_us, bool refused,
                         std::string why) {
    if (refused) ++counters_.tls_failures;
    if (tls_trouble_) tls_trouble_({connection.remote(), by_us, refused, std::move(why)});
}

TcpConnection* Driver::find(sip::FlowId flow) {
    const auto found = by_flow_.find(flow);
    return found == by_flow_.end() ? nullptr : found->second;
}

void Driver::forget_flow(TcpConnection& connection) {
    if (relay_ != nullptr) relay_->gone(connection.flow);
    by_flow_.erase(connection.flow);
    connection.flow = {};
}

void Driver::drop(TcpConnection& connection) {
    connection.handshake.leave();
    if (connection.has_handle())
        connection.abort();
    else
        connections_.erase(&connection);
}

void Driver::close_gently(TcpConnection& connection) {
    if (closing_.size() < closing_max)
        closing_.push_back({sip::later(read_clocks().mono, options_.close_timeout), &connection});
    connection.close();
    if (closing_.empty() || closing_.back().connection != &connection) connection.abort();
}

}  // namespace edge
