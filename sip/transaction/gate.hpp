#pragma once

#include "sip/message/message_writer.hpp"
#include "sip/transaction/request.hpp"

namespace sip {

/// Who may speak: proves the identity behind a request before anything is kept for it.
class Gate {
public:
    struct Verdict {
        enum class Kind : std::uint8_t {
            admitted,
            challenged,  ///< 401 with what `write_challenges` adds
            refused,     ///< the status of `error`
        };
        Kind kind = Kind::admitted;
        Identity identity;  ///< views live until the request is handled
        bool stale = false;
        Error error;
    };
    virtual Verdict admit(const Now& now, const Request& request) = 0;
    virtual void write_challenges(const Now& now, const Request& request, bool stale,
                                  MessageWriter& writer) = 0;
    /// Whether OPTIONS, which is answered without credentials, is refused too: we stop.
    virtual bool refuses_all() const { return false; }
    /// For the 2xx, without a body, to the request that `admit` let in last: what proves to its
    /// sender who we are (Authentication-Info, RFC 3261 22.4).
    virtual void write_proof(const Now&, MessageWriter&) {}

protected:
    ~Gate() = default;
};

/// Header fields that say what this element can do (Allow-Events, Accept, ...): for the answers to
/// OPTIONS. Allow and Supported are the stack's own.
class OptionsFields {
public:
    virtual void write(MessageWriter& writer) const = 0;

protected:
    ~OptionsFields() = default;
};

}  // namespace sip
