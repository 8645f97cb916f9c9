#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/auth/digest_client.hpp"
#include "sip/dialog/dialog.hpp"
#include "sip/dialog/request_head.hpp"

namespace sip {

/// Who speaks to whom, and by which way. All texts are copied.
struct UacOptions {
    std::string_view uri;           ///< Request-URI
    std::string_view to;            ///< empty: the Request-URI (RFC 3261 8.1.1.1)
    std::string_view from;          ///< empty: `to`
    std::string_view contact_user;  ///< user part of our Contact; empty: none
    /// RFC 5626 4.1: the URN of this UA ("urn:uuid:..."), by which a server knows the device when
    /// it comes back by another connection; it goes into our Contact, with "ob" (4.3). Empty: none.
    std::string_view instance;
    /// Pings leave on the connection to the server (RFC 5626 4.4.1), so that what stands between
    /// keeps it, and a server that is gone is noticed.
    bool keep_alive = false;
    /// The server that everything goes to; with port 0 `next_hop_uri` says it, or where that is
    /// empty the Request-URI (RFC 3261 8.1.2). A host that is a name is looked up (RFC 3263).
    Target next_hop;
    std::string_view next_hop_uri;
    /// RFC 3325: an address-of-record that we vouch for as the one who asks, to a peer that takes
    /// our word. Empty: none.
    std::string_view asserted;
    /// Answers 401 and 407; null: nobody does. May serve many at once, and outlives them all.
    DigestClient* credentials = nullptr;
};

/// Where a redirected request may still go (RFC 3261 8.1.3.4): the Contacts of its 3xx, best q
/// first, each tried once and no more than four in all. Those with a `method` of their own, SIP
/// ones in the place of SIPS and those that cannot be reached are left out.
class UacTargets {
public:
    /// Adds the Contacts of a 3xx to the request whose own URI was `own`.
    void add(const Core& core, std::string_view own, const MessageView& response);
    /// Turns to the next. False: none is left.
    [[nodiscard]] bool next();
    /// The Request-URI in place of the own one; empty: that one.
    std::string_view current() const {
        return current_ < targets_.size() ? targets_[current_].uri.view() : std::string_view{};
    }

private:
    struct Known {
        Block uri;
        std::uint64_t hash = 0;
        std::uint16_t q = 0;
        bool tried = false;
    };
    std::array<Known, 4> targets_;
    std::size_t count_ = 0, current_ = SIZE_MAX;
};

/// One request of a UAC on its way, and how it was answered so far. Begins empty.
struct UacAttempt {
    ClientTransactionId transaction;
    DigestAttempt digest;
    bool lengthened = false;  ///< sent again for a 423
    bool outstanding = false;
    FlowId flow{};          ///< what it left by; none for datagrams
    bool for_size = false;  ///< it left by a stream because it is too large for a datagram
    Endpoint remote;        ///< whom it went to
    bool in_dialog = false;
    bool needs_tls = false;  ///< of a SIPS URI, or in a dialog that is secure
    UacTargets targets;

    // Where it goes: RFC 3263, one server after the other.
    Target target;  ///< holds while `placed`
    bool placed = false;
    bool by_name = false;    ///< a lookup gave it: there may be others
    bool heard = false;      ///< a provisional response came
    bool exhausted = false;  ///< all servers of the URI at hand were tried, or none was found
    LookupId lookup{};       ///< it waits for the name system, and is outstanding
    Fault not_found;         ///< what that lookup came to
    static constexpr std::size_t servers_max = 8;
    SmallVector<Target, servers_max> tried;        ///< of the URI at hand
    static constexpr std::uint32_t sent_max = 24;  ///< 401 and the like included
    std::uint32_t sent = 0;
    // How the last server failed; status 0: none has.
    std::uint16_t failed_status = 0;
    std::optional<std::uint32_t> failed_retry_after_s;
    std::optional<Failure> failed_silently;
};

/// How a request failed for good, when no server is left for it.
struct UacFailure {
    std::uint16_t status = 503;
    std::string_view phrase;
    std::optional<std::uint32_t> retry_after_s;
    std::optional<Failure> silent;  ///< no response came
};

/// What a final or provisional response means for the one who sent the request.
enum class UacVerdict : std::uint8_t {
    wait,    ///< provisional, or of a request that was given up
    done,    ///< 2xx
    again,   ///< the same once more: credentials are at hand, the interval was made longer, or it
             ///< goes to another target
    failed,  ///< any other
};

/// The client side of RFC 3261 8.1, shared by SUBSCRIBE, PUBLISH and REGISTER: the identity of one
/// series of requests (URIs, Call-ID, From tag, CSeq), where they go, and what is done about 401,
/// 407 and 423.
class Uac {
public:
    /// Errors: `malformed` (an URI), those of `locate`, `overloaded` (memory).
    Expected<void> open(const Core& core, const UacOptions& options);
    /// A new Call-ID and From tag, CSeq from its start: nothing is shared with what was before.
    void renew(Shard& shard);
    using CallId = std::array<char, 32>;
    /// RFC 3261 8.1.1.4: all registrations of a UA have one Call-ID.
    void share_call_id(const CallId& call_id) { call_id_ = call_id; }
    const CallId& call_id_bytes() const { return call_id_; }

    std::string_view uri() const { return uri_.view(); }
    std::string_view to() const { return to_.empty() ? uri_.view() : to_.view(); }
    std::string_view from() const { return from_.empty() ? to() : from_.view(); }
    std::string_view contact_user() const { return contact_user_.view(); }
    std::string_view instance() const { return instance_.view(); }
    std::string_view asserted() const { return asserted_.view(); }
    bool keep_alive() const { return keep_alive_; }
    std::string_view call_id() const { return {call_id_.data(), call_id_.size()}; }
    std::string_view tag() const { return {tag_.data(), tag_.size()}; }
    /// The server that took the last request, or is to take the first; port 0: not known yet.
    const Target& next_hop() const { return next_hop_; }
    DigestClient* credentials() const { return credentials_; }
    /// RFC 3261 8.1.1.8: SIPS where the Request-URI is.
    ContactForm contact_form(const Core& core) const;
    /// Writes our Contact as the next hop reaches it; its URI alone is given back.
    std::string_view write_contact_uri(Appender& out, const Core& core) const;
    std::uint32_t next_cseq() { return ++cseq_; }
    std::uint32_t cseq() const { return cseq_; }

    /// Finds where `attempt` goes next. False: the name system is asked; `owner` is told, calls
    /// `located`, and sends again. Within a dialog: to its next hop; where that is a name that
    /// leads nowhere, to the server that the dialog was made through. A server that works is kept
    /// to. Errors: those of Locator::begin and take, `not_found` when all were tried.
    Expected<bool> find_way(const Now& now, const Core& core, const Locator::Owner& owner,
                            UacAttempt& attempt, const Dialog* dialog = nullptr);
    /// The lookup that `find_way` began has ended. False: it is another's.
    bool located(const Now& now, const Core& core, LookupId id, UacAttempt& attempt);
    /// Nobody waits for `attempt` any more, neither its transaction nor its lookup.
    static void give_up(const Core& core, UacAttempt& attempt);
    /// What an attempt came to that could not be sent (again), for `error`.
    static UacFailure failure_of(const UacAttempt& attempt, const Error& error);

    /// Judges what came for `attempt`, whose outstanding request ends with a final response.
    /// `expires_s` is what it asked for; a 423 raises it, once (RFC 3261 10.2.8, RFC 6665
    /// 4.1.2.1, RFC 3903 5). A 3xx to a request outside a dialog is followed; after a 503 of a
    /// server that has others beside it, they are tried (RFC 3263 4.3). RFC 3261 8.1.3.5: a 420 or
    /// 415 would come again, as we require no extension and have one form of a body.
    UacVerdict judge(const Now& now, const Core& core, const Response& response, Method method,
                     std::uint32_t& expires_s, UacAttempt& attempt) const;

    /// Nothing came back: true says to send it again. A request that went by a stream for its size
    /// never got through: its peer is remembered as one that takes datagrams alone (RFC 3261
    /// 18.1.1). One whose server was found by name goes to the next (RFC 3263 4.3), a redirected
    /// one to its next target.
    static bool fall_back(const Now& now, const Core& core, UacAttempt& attempt, Failure why);

private:
    UacVerdict judge_here(const Response& response, Method method, std::uint32_t& expires_s,
                          UacAttempt& attempt) const;
    static void server_failed(const Now& now, const Core& core, UacAttempt& attempt,
                              std::uint16_t status, std::optional<std::uint32_t> retry_after_s,
                              std::optional<Failure> silent);
    bool choose(const Now& now, const Core& core, const Locator::Targets& found,
                UacAttempt& attempt);
    void place(const Target& target, bool by_name, UacAttempt& attempt);
    Expected<bool> look_up(const Now& now, const Core& core, const Locator::Owner& owner,
                           UacAttempt& attempt, const Dialog* dialog);

    Block hop_uri_;
    bool hop_by_name_ = false;  ///< next_hop_ is what a lookup gave
    bool keep_alive_ = false;
    Block uri_, to_, from_, contact_user_, instance_, asserted_;
    CallId call_id_{};
    std::array<char, 16> tag_{};
    std::uint32_t cseq_ = 0;
    Target next_hop_;
    bool sips_ = false;
    DigestClient* credentials_ = nullptr;
};

/// RFC 3261 8.1.3.5, 20.33: how long a response asks to wait before the request is tried again.
std::optional<std::uint32_t> retry_after_of(const MessageView& response);
/// RFC 3261 8.1.3.5, 21.4.18, 21.5.1, 21.5.4: whether the same may be sent again once the time that
/// the response gave has passed. A 413 is believed once: `failures` in a row came before it.
bool asks_to_wait(std::uint16_t status, const std::optional<std::uint32_t>& retry_after_s,
                  std::uint32_t failures);
/// What a 2xx grants: never longer than what was asked for (RFC 6665 4.1.2.1).
std::uint32_t granted_expires(const MessageView& response, std::uint32_t asked_s);
/// When state that lasts `expires_s` is refreshed: at half of it, and 32 s (a transaction's time)
/// before its end where that is sooner; at a third of what is too short for both. At least 1 s.
Duration refresh_delay(std::uint32_t expires_s);
/// Waiting before try number `failures` + 1: none, then 1 s and doubling up to 60 s.
Duration back_off(std::uint32_t failures);
inline constexpr Duration back_off_max = seconds{60};

}  // namespace sip
