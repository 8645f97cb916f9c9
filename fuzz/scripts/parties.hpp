#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/scripts/script.hpp"
#include "tests/sim/simulation.hpp"

namespace scripts {

/// How the bytes of a stranger's streams come to the server.
struct Pieces {
    std::size_t size = 0;  ///< 0: as the script has them
    bool poll = false;     ///< whether the server is polled between them
};

/// A presence server, phones that watch and publish, and strangers who say anything: a world of the
/// simulator whose history a script tells. Datagrams take 5 ms, and the script can lay hands on
/// those that are under way. A broken invariant aborts.
///
/// `setup` lines are read before the world is made, wherever they stand: store, digest, tight,
/// tcp, nat, hostile, servers 2, expires SECONDS, seed NUMBER. The commands stand in the table at
/// the end of parties.cpp.
class Parties final : private sim::Simulation {
public:
    explicit Parties(std::string_view script, Pieces pieces = {});

    void run(std::string_view script);
    /// The network heals, everybody's view is what is so, everybody leaves, and nothing is left.
    void finish();

    /// A number that all that the server sent went into, and when.
    std::uint64_t print() const { return print_; }
    /// The answers that strangers' streams got, a line each.
    const std::string& answers() const { return answers_; }
    /// Whether anything came by a stranger's stream.
    bool used_streams() const { return used_streams_; }
    /// Whether memory was refused: an answer may have been a 503 then.
    bool refused() const { return refused_; }

private:
    friend struct Commands;
    struct UnderWay {
        std::uint64_t id;
        sim::Time at;
        sip::Endpoint source, to;
        std::shared_ptr<const std::string> text;
    };
    struct Heard {
        std::string text;
        sip::Endpoint by;    ///< which stranger heard it, by datagram
        sip::FlowId flow{};  ///< or by this stream
    };
    struct Stream {
        sip::FlowId flow{};
        unsigned boot = 0;
    };

    static sim::Setup setup_of(std::string_view script);
    void take_datagram(const sip::Endpoint& source, const sip::Endpoint& to,
                       std::shared_ptr<const std::string> text);
    void send_on(sim::Time at, UnderWay what);
    void arrive(std::uint64_t id);
    void hear(Heard heard);
    void pass(sim::Time by);
    void settle_commit(bool durable);

    // Strangers.
    std::string request_of(unsigned stranger, Words& words);
    std::string response_to(const Heard& request, unsigned status) const;
    void say(unsigned stranger, const std::string& text);
    void say_by_stream(unsigned number, const std::string& text);
    void connect(unsigned number);
    void hang_up(unsigned number);
    void check();

    Pieces pieces_;
    std::vector<UnderWay> under_way_;
    std::uint64_t next_id_ = 0;
    sim::Time passed_ = 0;
    struct Wanted {
        unsigned server, boot;
        sip::CommitId id;
    };
    std::deque<Wanted> commits_;
    std::deque<Heard> heard_;
    std::string said_, composed_;
    std::vector<Stream> streams_;
    unsigned requests_ = 0;
    bool refused_ = false, phone_refused_ = false, used_streams_ = false;
    bool strangers_spoke_ = false;
    std::uint64_t print_ = 0;
    std::string answers_;
};

/// Whether a script is short enough to be run.
bool fits(std::string_view script);

}  // namespace scripts
