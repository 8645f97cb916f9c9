#pragma once

#include "sip/transaction/request.hpp"

namespace sip {

/// Who carries requests on that are for others. The stack asks him about each request that is new,
/// well-formed and no CANCEL, before anything is done about it.
class Forwarder {
public:
    /// Whether the request is taken over: whatever becomes of it, its answer included, is his duty
    /// then. False: it is for this element, and nothing has happened. An ACK is never answered.
    virtual bool take(const Now& now, Request& request) = 0;
    /// A CANCEL was answered 200, and the request in `transaction` has no final answer yet. Those
    /// of other users are none of his. `message` is the CANCEL.
    virtual void cancelled(const Now& now, ServerTransactionId transaction,
                           const MessageView& message) = 0;

protected:
    ~Forwarder() = default;
};

}  // namespace sip
