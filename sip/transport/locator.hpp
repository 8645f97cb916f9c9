#pragma once

#include <optional>

#include "sip/base/error.hpp"
#include "sip/base/small_vector.hpp"
#include "sip/message/uri.hpp"
#include "sip/transport/effects.hpp"
#include "sip/transport/listeners.hpp"
#include "sip/transport/shard.hpp"
#include "sip/transport/source.hpp"

namespace sip {

class TransportLayer;

/// Where requests go (RFC 3263): finds the targets of a URI, best first. Names are asked for by
/// Resolve effects, so an answer may come at once or later.
class Locator {
public:
    static constexpr std::size_t targets_max = 8;
    using Targets = SmallVector<Target, targets_max>;
    /// Whom to tell: a part of the stack, and an object of that part.
    struct Owner {
        std::uint8_t part = 0;
        Handle object;
    };
    struct Begun {
        LookupId id{};    ///< none: `targets` holds the answer
        Targets targets;  ///< never empty when there is no id
    };

    Locator(Shard& shard, TransportLayer& transport) : shard_(shard), transport_(transport) {}

    /// Begins to look `uri` up. With an id the owner is told later (TransactionUser::on_located),
    /// once, and then calls `take`. Errors: those of `locate`; `overloaded` (too many lookups).
    Expected<Begun> begin(Now now, const Uri& uri, const Owner& owner);
    /// What a lookup came to, after its owner was told. Errors: `not_found` (no such host, or
    /// nothing there that we can speak to), `internal` (the name system did not answer).
    Expected<Targets> take(LookupId id);
    /// Nobody wants the answer any more. An unknown id is ignored.
    void abandon(LookupId id);
    /// The next owner whose lookup came to an end; called until it gives nothing.
    struct Done {
        Owner owner;
        LookupId id{};
    };
    std::optional<Done> next_done();
    /// An answer of the name system.
    void resolved(Now now, const NameAnswer& answer);

private:
    Shard& shard_;
    TransportLayer& transport_;
};

}  // namespace sip
