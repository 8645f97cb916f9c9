#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "tests/sim/world.hpp"

namespace sim {

/// A hostile neighbour. He hears what arrives somewhere, some time after it has, and sends garbage,
/// old messages, and forgeries that carry what he heard but for what a listener on another path
/// cannot know: the ids of a dialog, the branch of a request under way.
class Stranger {
public:
    explicit Stranger(World& world_given) : world_(world_given) {}

    void hears(const sip::Endpoint& source, const sip::Endpoint& to, const std::string& text);
    void send_garbage(std::uint64_t seed);
    void replay(std::uint64_t seed);
    void forge_notify(std::uint64_t seed);
    void forge_response(std::uint64_t seed);
    void flood(std::uint64_t seed);

private:
    struct Heard {
        Time at;
        sip::Endpoint source, to;
        std::string text;
    };
    /// Something heard long enough ago that its transaction is over; null when there is nothing.
    const Heard* old(Random& random) const;
    void send(Random& random, const Heard& model, std::string text);
    std::string mangle(Random& random, std::string text) const;

    World& world_;
    std::deque<Heard> heard_;
};

}  // namespace sim
