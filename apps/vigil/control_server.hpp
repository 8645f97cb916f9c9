#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/line_server.hpp"
#include "apps/vigil/recent_decisions.hpp"
#include "apps/vigil/rule_files.hpp"
#include "presence/server.hpp"

namespace vigil {

/// Answers what is asked over the control socket. A request is words with one space between them,
/// a command and its arguments: "show subscriptions", "explain bob@example.com alice@example.com";
/// addresses are canonical addresses-of-record; "raw" behind them asks for the document too. Each
/// line of an answer is a JSON object (docs/vigil.1 has the keys), the last one {"end":true} or
/// {"error":"..."}.
///
/// Nothing of the core is held from one piece of an answer to the next.
class ControlServer {
public:
    using Clock = std::function<sip::Now()>;
    /// All outlive this, which outlives its answers. `rules`: null where nobody has any.
    ControlServer(presence::Server& server, const RecentDecisions& decisions, Clock clock,
                  const RuleFiles* rules = nullptr)
        : server_(server), decisions_(decisions), clock_(std::move(clock)), rules_(rules) {}

    std::unique_ptr<edge::LineAnswer> answer(std::string_view request);
    /// Who of several servers that share the presentities has the answer.
    struct Reach {
        enum class Kind : std::uint8_t {
            any,    ///< each
            owner,  ///< that of `presentity`
            all,    ///< all: one answer after the other
            sum,    ///< all: what each counts, added up (`server_line`)
        };
        Kind kind = Kind::any;
        std::string presentity;
    };
    static Reach reach_of(std::string_view request);
    struct Counts {
        std::size_t subscriptions = 0, publications = 0, registrations = 0;
    };
    Counts counts() const;
    /// The answer to "show server".
    std::string server_line(const Counts& counts) const;
    static std::string end_line();
    static std::string refusal(std::string_view why);

private:
    presence::Server& server_;
    const RecentDecisions& decisions_;
    Clock clock_;
    const RuleFiles* rules_;
};

}  // namespace vigil
