#pragma once

#include <string_view>

#include "sip/event/notifier.hpp"
#include "sip/transport/listeners.hpp"

namespace presence {

/// What an edge presence server registered leads to its one presentity: the Contact, which has its
/// user and our address and port, is a name of it.
class EdgeName final : public sip::ResourceNames {
public:
    /// `presentity`: a canonical address-of-record. Both outlive this.
    EdgeName(std::string_view presentity, const sip::Listeners& listeners)
        : presentity_(presentity), listeners_(listeners) {}
    void write(sip::Appender& out, const sip::Uri& request_uri) const override;

private:
    std::string_view presentity_;
    const sip::Listeners& listeners_;
};

}  // namespace presence
