#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "sip/base/tracer.hpp"

namespace vigil {

/// What was refused or given up lately, as the core told of it: a bounded memory for who asks why.
/// What happens again counts up. Who could not log in only claims to be somebody, and cannot push
/// out what is known of others.
class RecentDecisions {
public:
    static constexpr std::size_t capacity = 512;
    static constexpr std::size_t text_bytes_max = 200;

    struct Entry {
        std::string what, reason, subject, about;
        std::uint16_t status = 0;
        std::uint64_t count = 0;
        std::int64_t last_wall_ms = 0;
        std::uint64_t hash = 0;
    };

    /// What names nobody is passed over.
    void add(const sip::Now& now, const sip::TraceDecision& decision);
    /// The last ones first: `visit(const Entry&)`.
    template <class Visit>
    void for_each(Visit visit) const {
        for (const auto* line : {&proved_, &claimed_})
            for (auto at = line->rbegin(); at != line->rend(); ++at) visit(*at);
    }
    std::size_t size() const { return proved_.size() + claimed_.size(); }
    /// Those that made room for newer ones.
    std::uint64_t forgotten() const { return forgotten_; }

private:
    std::deque<Entry> proved_, claimed_;  ///< the last one at the end; `capacity` each
    std::uint64_t forgotten_ = 0;
};

}  // namespace vigil
