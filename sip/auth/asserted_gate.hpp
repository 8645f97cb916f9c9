#pragma once

#include <array>
#include <span>
#include <string_view>

#include "sip/base/address_range.hpp"
#include "sip/transaction/gate.hpp"
#include "sip/transport/transport_layer.hpp"

namespace sip {

/// The peers whose word about identities is taken: a trust domain (RFC 3325 2.3).
struct TrustedPeers {
    AddressRanges networks;
    /// Names that a certificate may prove; they outlive this.
    std::span<const std::string_view> names;

    bool empty() const { return networks.empty() && names.empty(); }
    bool include(const TransportLayer& transport, const Source& source) const;
};

/// Takes P-Asserted-Identity from trusted peers as the identity behind a request, without a
/// challenge; a request of theirs without it is asked about as any other. From everybody else the
/// field is passed over, or refused.
///
/// RFC 3323: where Privacy asks that the identity be hidden it still decides what is allowed; it
/// stands in no message of ours anyway.
class AssertedGate final : public Gate {
public:
    enum class Untrusted : std::uint8_t { strip, refuse };
    /// All outlive this.
    AssertedGate(Gate& otherwise, const TransportLayer& transport, const Leniency& leniency,
                 const TrustedPeers& trusted, Untrusted untrusted)
        : otherwise_(otherwise),
          transport_(transport),
          leniency_(leniency),
          trusted_(trusted),
          untrusted_(untrusted) {}

    Verdict admit(const Now& now, const Request& request) override;
    void write_challenges(const Now& now, const Request& request, bool stale,
                          MessageWriter& writer) override {
        otherwise_.write_challenges(now, request, stale, writer);
    }
    bool refuses_all() const override { return otherwise_.refuses_all(); }
    void write_proof(const Now& now, MessageWriter& writer) override {
        if (!asserted_) otherwise_.write_proof(now, writer);
    }

private:
    Gate& otherwise_;
    const TransportLayer& transport_;
    const Leniency& leniency_;
    TrustedPeers trusted_;
    Untrusted untrusted_;
    bool asserted_ = false;  ///< who was let in last was let in by this
    std::array<char, 512> identity_{};
};

}  // namespace sip
