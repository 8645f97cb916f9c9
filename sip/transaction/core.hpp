#pragma once

#include "sip/transaction/client_transactions.hpp"
#include "sip/transaction/reply.hpp"
#include "sip/transaction/server_transactions.hpp"
#include "sip/transaction/staging.hpp"
#include "sip/transport/admission.hpp"
#include "sip/transport/locator.hpp"
#include "sip/transport/transport_layer.hpp"

namespace sip {

/// What a TransactionUser works with. References of one stack; they outlive its users.
struct Core {
    Shard& shard;
    TransportLayer& transport;
    ServerTransactions& servers;
    ClientTransactions& clients;
    Staging& staging;
    Locator& locator;
    Admission& admission;

    /// Answers `request` in its transaction with a finished reply; when that could not be made
    /// (too long, no memory), with a bare 500; when there is no memory for that either, with a 503
    /// from the reserve, and the transaction is gone.
    void respond(const Now& now, const Request& request, Reply& reply) const;
    void respond(const Now& now, const Request& request, std::uint16_t status,
                 std::string_view reason = {}) const;
    /// Answers a request for which nothing is kept; its answer has the reserve where memory is out.
    void respond_stateless(const Now& now, const Request& request, Reply& reply) const;
    /// To be called for each 2xx: what proves to the sender that we know its secret, where its
    /// request was let in for one (RFC 3261 22.4).
    void prove(const Now& now, const Request& request, Reply& reply) const;
    /// The answer to a change that found no place to wait for the store; empty without memory.
    Packet too_many_changes(const Request& request) const;
    /// Tells the tracer whose request was refused, and which address-of-record it was about.
    void tell_refused(const Now& now, const Request& request, std::string_view rule,
                      std::uint16_t status) const;
    /// The answer to an error value, with the header fields that its status wants.
    void refuse(const Now& now, const Request& request, const Error& error) const;
};

}  // namespace sip
