#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sip/stack.hpp"
#include "tests/sim/host_clock.hpp"
#include "tests/sim/random.hpp"
#include "tests/support/scripted_names.hpp"

namespace sim {

class Host;

/// What the network does to what passes it. Chances in percent.
struct Weather {
    unsigned loss = 0, duplication = 0;
    /// Datagrams take from `delay_min` to `delay_max`, so that a wide span reorders them.
    Time delay_min = 2 * millisecond, delay_max = 20 * millisecond;
    std::size_t mtu = 0;    ///< larger datagrams are lost; 0: none are
    std::size_t piece = 0;  ///< a stream's bytes that arrive at a time; 0: as they were sent
};

/// Which invariant was broken, and what was seen.
struct Failure {
    std::string invariant, detail;
    Time at = 0;
};

/// One datagram or piece of a stream, for the ladder.
struct Passage {
    Time at = 0;
    std::string from, to, what;
    std::string_view fate;  ///< "", "lost", "blocked", "too large", "twice"
};

/// Hosts, the network between them, and one queue of what happens when. One seed decides all that
/// is left to chance: the same seed and the same calls give the same bytes.
class World {
public:
    explicit World(std::uint64_t seed_given) : seed(seed_given) {}
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    const std::uint64_t seed;
    Time now = 0;
    Weather weather;
    /// What every host is told of names; a question takes its way through the weather.
    ScriptedNames names;
    unsigned name_failures_percent = 0;

    /// What is to happen `at` that time, in order of time and then of asking.
    void at(Time time, std::function<void()> what);
    /// Until `end`, or until an invariant is broken.
    void run_until(Time end);

    /// Records the first failure; the run stops with it.
    void fail(std::string_view invariant, std::string detail);
    bool failed() const { return !failure_.invariant.empty(); }
    const Failure& failure() const { return failure_; }

    // Hosts. They register themselves, and outlive the world's last event.
    void add(Host& host);
    const std::vector<Host*>& hosts() const { return hosts_; }
    Host* host_at(const sip::Address& address) const;
    /// A host has something to do at that instant of its own clock.
    void wake(Host& host);
    /// Everything a host can do now is done, its effects carried out.
    void drain(Host& host);
    /// A worker of a host has something for another one of it, who finds it after a while.
    void wake_worker(Host& host, unsigned worker);
    /// A worker writes into a connection of another one, or has it closed.
    void relay_write(Host& host, unsigned worker, sip::FlowId flow, std::string_view bytes);
    void relay_close(Host& host, unsigned worker, sip::FlowId flow);

    // The network.
    /// A datagram as a host, or whoever pretends to be one, puts it on the wire.
    void datagram(Host* from, const sip::Endpoint& source, const sip::Endpoint& to,
                  std::string text);
    /// Nothing goes from one to the other any more; `on` false: it does again.
    void block(const Host& from, const Host& to, bool on);
    /// Nothing is blocked any more, and whoever holds a broken connection hears of it.
    void mend();
    /// Every connection of a host breaks. `silently`: who does not send hears nothing.
    void cut(Host& host, bool silently);
    /// Those that at least one end takes for standing.
    std::size_t connections() {
        sweep();
        return connections_.size();
    }
    /// Takes over what becomes of a datagram in place of the weather; not of one that is blocked.
    std::function<void(const sip::Endpoint& source, const sip::Endpoint& to,
                       std::shared_ptr<const std::string> text)>
        on_datagram;
    /// A datagram reaches whoever is there.
    void deliver(const sip::Endpoint& source, const sip::Endpoint& to,
                 const std::shared_ptr<const std::string>& text);
    /// Told of each message that a host sends.
    std::function<void(const Host& from, const sip::Transmit& out, const std::string& text)>
        on_transmit;
    /// Told of each datagram that reached a host, and of what came by streams.
    std::function<void(const sip::Endpoint& source, const sip::Endpoint& to,
                       const std::string& text)>
        on_delivered;

    /// Keeps passages for a ladder, the last `count` of them; 0: none.
    void keep_passages(std::size_t count) { passages_max_ = count; }
    const std::vector<Passage>& passages() const { return passages_; }
    std::size_t passages_first() const { return passages_next_; }
    /// A number that every byte on the wire, its time and its fate went into.
    std::uint64_t fingerprint() const { return fingerprint_; }
    std::uint64_t messages() const { return messages_; }

private:
    struct Event {
        Time at;
        std::uint64_t order;
        std::size_t what;
        bool operator<(const Event& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };
    struct End {
        Host* host = nullptr;
        unsigned boot = 0;  ///< of the host; another one has forgotten this connection
        sip::FlowId flow{};
        unsigned worker = 0;  ///< whose connection it is
        Time last = 0;        ///< when the last of what is on its way here arrives
        bool gone = false;
    };
    struct Connection {
        End ends[2];
        bool broken = false;
        std::size_t still_arrives[2] = {};  ///< bytes that were under way when it broke
    };
    using ConnectionPtr = std::shared_ptr<Connection>;

    struct Place {
        Host& host;
        unsigned worker;
    };
    void give_effects(Host& host);
    void carry_out(const Place& from, const sip::Effect& effect);
    void transmit(const Place& from, const sip::Transmit& out);
    void resolve(const Place& from, const sip::Resolve& question);
    void send_bytes(const Place& from, sip::FlowId flow, const std::string& text);
    void open(const Place& from, sip::OpenFlow wanted);
    void accept(const Place& from, Host& to, const sip::OpenFlow& wanted,
                const sip::Endpoint& local);
    void close(const Place& from, sip::FlowId flow);
    void tell_of_end(const End& end);
    void tell_closed(const ConnectionPtr& connection, int end, Time after);
    void deliver_bytes(const ConnectionPtr& connection, int end, const std::string& text);
    void sweep();
    ConnectionPtr connection_of(const Place& at, sip::FlowId flow) const;
    bool is_up(const End& end) const;
    bool is_blocked(const Host& from, const Host& to) const;
    /// The chances of the next datagram, or piece of a stream, from one host to another.
    Random fate(const Host* from, const sip::Endpoint& to);
    Time delay(Random& random) const {
        return random.between(weather.delay_min, weather.delay_max);
    }
    void take_print(std::string_view text);
    void note(const std::string& from, const std::string& to, std::string_view text,
              std::string_view fate);

    Failure failure_;
    std::priority_queue<Event> events_;
    std::vector<std::function<void()>> pool_;
    std::vector<std::size_t> free_;
    std::uint64_t order_ = 0, wakes_ = 0;
    std::vector<Host*> hosts_;
    std::unordered_map<std::uint64_t, Host*> by_address_;
    std::vector<std::uint8_t> blocked_;
    std::vector<ConnectionPtr> connections_;
    struct GivenUp {
        const Host* host;
        unsigned worker;
        sip::FlowId flow;
        bool operator==(const GivenUp&) const = default;
    };
    std::vector<GivenUp> given_up_;  ///< before they were connected
    std::unordered_map<std::uint64_t, std::uint64_t> sent_;
    std::size_t passages_max_ = 0, passages_next_ = 0;
    std::vector<Passage> passages_;
    std::uint64_t fingerprint_ = 0, messages_ = 0;
};

}  // namespace sim
