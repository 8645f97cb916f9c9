#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/net_counters.hpp"
#include "sip/transport/counters.hpp"

namespace vigil {

/// The counters of a running server, for its operator.
class CounterReport {
public:
    struct Named {
        std::string_view name;  ///< as in the structure that it is of
        std::uint64_t value;
        bool is_trouble;  ///< a bound of the whole server was met, or something was lost
    };

    /// Adds each counter of `more` to that of `sum`.
    static void add(sip::Counters& sum, const sip::Counters& more);
    static void add(edge::NetCounters& sum, const edge::NetCounters& more);

    /// Both outlive this.
    CounterReport(const sip::Counters& core, const edge::NetCounters& net)
        : core_(core), net_(net), told_(trouble_size()) {}

    static std::vector<Named> all(const sip::Counters& core, const edge::NetCounters& net);
    /// "requests_in 3, challenges 1": all that are not 0, in lines that fit a log.
    std::vector<std::string> lines() const;
    /// The same of what trouble came since the last call; empty: none.
    std::string new_trouble();

private:
    static std::size_t trouble_size();

    const sip::Counters& core_;
    const edge::NetCounters& net_;
    std::vector<std::uint64_t> told_;  ///< of each counter of trouble
};

}  // namespace vigil
