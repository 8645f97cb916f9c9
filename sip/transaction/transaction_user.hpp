#pragma once

#include <cstdint>

#include "sip/base/clock.hpp"
#include "sip/base/ids.hpp"
#include "sip/transaction/request.hpp"

namespace sip {

/// What stands above the transactions (RFC 3261 6: TU): a notifier, a compositor, a registrar, a
/// subscriber. The stack carries values to it; it answers through the stack's `Core`.
class TransactionUser {
public:
    /// A request of a method it was attached for, past all general checks, in a server transaction
    /// of its own. To be answered now, or later by the transaction's id (a 100 goes out by itself).
    virtual void on_request(const Now& now, const Request& request) = 0;
    /// Whether the Request-URI, or the dialog of the To tag, names something of this user.
    /// RFC 3261 8.2.2.1: false is answered 404.
    virtual bool serves(const Request&) { return true; }
    /// Whether the request belongs to a dialog that holds here. Such go first when there is too
    /// much of everything.
    virtual bool knows_dialog(const Request&) { return false; }
    /// `object`: what was given when the request was sent.
    virtual void on_response(const Now&, Handle object, const Response&) { (void)object; }
    virtual void on_failure(const Now&, Handle object, Failure) { (void)object; }
    virtual void on_timer(const Now&, Handle object) { (void)object; }
    /// What was staged under `object` is durable; or is not, and must be undone.
    virtual void on_committed(const Now&, Handle object) { (void)object; }
    virtual void on_commit_failed(const Now&, Handle object) { (void)object; }
    /// The connection that `object` was bound to (FlowBond) is gone.
    virtual void on_flow_lost(const Now&, Handle object) { (void)object; }
    /// The lookup that `object` began has come to an end: Locator::take gives its result.
    virtual void on_located(const Now&, Handle object, LookupId) { (void)object; }
    /// Whether it has a `pull` of its own; asked once, when it is attached.
    virtual bool pulls() const { return false; }
    /// Sends one of the messages that wait to be written, if there is one: called when everything
    /// else has left, so that nothing queues. False: nothing waits.
    virtual bool pull(const Now&) { return false; }
    /// Gives back memory that only a load of the past needed.
    virtual void trim() {}

protected:
    ~TransactionUser() = default;
};

}  // namespace sip
