#pragma once

#include <array>
#include <span>
#include <string_view>

#include "sip/auth/asserted_gate.hpp"
#include "sip/base/hash_index.hpp"
#include "sip/base/slab.hpp"
#include "sip/base/text.hpp"
#include "sip/base/timer_queue.hpp"
#include "sip/base/visitor.hpp"
#include "sip/proxy/copy.hpp"
#include "sip/proxy/routing.hpp"
#include "sip/registrar/directory.hpp"
#include "sip/registrar/registrar.hpp"
#include "sip/transaction/core.hpp"
#include "sip/transaction/forwarder.hpp"
#include "sip/transaction/gate.hpp"

namespace sip {

/// Whose request is tried at a UA before he answers it himself: see Proxy::try_at.
class FallBack {
public:
    /// Whether a final response other than 2xx goes to who sent the request. False: it comes back.
    virtual bool is_answer(std::uint16_t status) const = 0;
    /// The request is to be answered here: over there it was answered with `status`; 0: not in
    /// time, or it could not be brought there.
    virtual void come_back(const Now& now, const Request& request, std::uint64_t binding,
                           std::uint16_t status) = 0;

protected:
    ~FallBack() = default;
};

/// Who knows which agents are at UAs of our users (RFC 3856 6.11.2): asked about what passes here
/// between such an agent and a watcher of a package of ours, in their dialog.
class AgentDirectory {
public:
    /// Where the subscription of `watcher` to `resource` is to go on; nothing: not there.
    virtual std::optional<Registrar::Binding> agent_for(const Now& now, std::string_view package,
                                                        std::string_view watcher,
                                                        std::string_view resource) = 0;
    /// Whether what the agent says may still be shown to `watcher`.
    virtual bool may_be_told(const Now& now, std::string_view package, std::string_view watcher,
                             std::string_view resource) = 0;

protected:
    ~AgentDirectory() = default;
};

/// A stateful proxy (RFC 3261 16): carries on what is for others, and is told by `Options::relay`
/// for whom. Never an open relay (threat 12): what a stranger reaches is contacts that users of
/// ours registered, and the other end of a dialog that began so, by the token in our Record-Route.
///
/// For this element, and not taken, is what names it and that a method of its own serves:
/// REGISTER, PUBLISH, SUBSCRIBE to a package that it has or within a dialog, OPTIONS and all else
/// without a user.
class Proxy final : public TransactionUser, public Forwarder {
public:
    enum class Relay : std::uint8_t {
        none,           ///< nothing is carried on
        local,          ///< to contacts that are registered here
        authenticated,  ///< and, for users of ours, to anywhere
    };
    struct Options {
        Relay relay = Relay::local;
        std::span<const std::string_view> domains;  ///< ours; outlive this
        /// The event packages that are served here: a SUBSCRIBE for another goes to the contacts
        /// that declared it (RFC 3840 `events`). Outlive this.
        std::span<const std::string_view> packages;
        TrustedPeers trusted;  ///< what they assert of identities goes on (RFC 3325)
    };

    /// All are kept by reference and outlive this. `gate` asks with 407 who says to be of our
    /// domains. `attach_as` next.
    Proxy(const Core& core, Registrar& registrar, const Directory& directory, Gate& gate,
          const Options& options);
    ~Proxy();
    void attach_as(std::uint8_t part) { part_ = part; }
    void set_agents(AgentDirectory* agents) { agents_ = agents; }
    /// Carries a request that has its transaction, and was authenticated, to a contact of whom it
    /// is for, which is told by P-Asserted-Identity who asks. What is no answer within `patience`
    /// comes back. False: it cannot be, and nothing has happened.
    [[nodiscard]] bool try_at(const Now& now, const Request& request,
                              const Registrar::Binding& binding, Duration patience, FallBack& back);
    /// From here on only what belongs to a dialog is carried on.
    void stop() { stopped_ = true; }

    bool take(const Now& now, Request& request) override;
    void cancelled(const Now& now, ServerTransactionId transaction,
                   const MessageView& message) override;

    void on_request(const Now&, const Request&) override {}
    void on_response(const Now& now, Handle object, const Response& response) override;
    void on_failure(const Now& now, Handle object, Failure why) override;
    void on_timer(const Now& now, Handle object) override;
    void on_located(const Now& now, Handle object, LookupId id) override;
    void trim() override;

    /// Requests that are on their way; branches of them.
    std::size_t size() const { return contexts_.size(); }
    std::size_t branches() const { return legs_.size(); }

private:
    /// `end`: nothing more is waited for. `c`: the earliest Timer C of its branches.
    enum class Name : std::uint8_t { end, c };
    enum class Phase : std::uint8_t { queued, locating, sent, done };
    static constexpr std::size_t headers_max = 512;
    static constexpr std::uint32_t no_leg = UINT32_MAX;

    /// One branch (RFC 3261 16.6): a target, and the request to it.
    /// How a UA is reached apart from its URI: by the connection that it registered or called by,
    /// if that still stands; or behind a NAT, by UDP.
    struct Way {
        FlowId flow{};
        ListenerId listener{};
        Endpoint behind_nat;  ///< port 0: it is not
    };
    struct Leg {
        Handle context;
        std::uint32_t next = no_leg;
        Phase phase = Phase::queued;
        bool rings = false;      ///< a provisional response came
        bool cancelled = false;  ///< of an INVITE
        bool by_flow = false;    ///< its one target is the connection that leads there
        bool for_size = false;   ///< goes by a stream since it is large (18.1.1)
        std::uint16_t q = 1000, breadth = 0;
        Block strings;  ///< the Request-URI, then Path
        std::size_t uri_bytes = 0;
        Way way;
        LookupId lookup{};
        Locator::Targets targets;
        std::size_t next_target = 0;
        ClientTransactionId transaction;
        Instant c_at = never;

        std::string_view uri() const { return slice(strings.view(), 0, uri_bytes); }
        std::string_view path() const { return slice(strings.view(), uri_bytes); }
    };
    /// A request and what became of it: the response context (RFC 3261 16.7).
    struct Context {
        ServerTransactionId server;  ///< none: an ACK
        Method method = Method::unknown;
        bool answered = false;        ///< a final response was given
        bool ended = false;           ///< no further branch is begun
        bool cancelled = false;       ///< its sender does not want it any more
        bool stays = false;           ///< Record-Route with `token`
        bool keeps_identity = false;  ///< see RequestCopy
        RouteToken token;
        Source source;
        SharedBytes request;  ///< all of it
        SharedBytes body;
        std::uint64_t loop = 0;
        std::uint16_t breadth = 0;  ///< of all branches at one time
        std::uint32_t first = no_leg;
        std::uint16_t best_status = 0;  ///< 0: none yet
        SharedBytes best;               ///< empty: of our own making, or there was no room
        std::string_view best_reason;   ///< static; of our own making
        Block challenges;               ///< lines
        Block asserted;                 ///< who sent it, as its target is told; empty: it is not
        FallBack* back = nullptr;       ///< of one that is tried
        std::uint64_t binding = 0;      ///< where
        Timers<Name, 2> timers;
    };
    /// A request that is kept, read again. Views lie in the context and the proxy's own slots.
    struct Opened {
        MessageView message;
        Essentials essentials;
        Routing routing;
    };
    /// What is to become of a request that is new.
    struct Plan {
        enum class Kind : std::uint8_t {
            own,      ///< not taken
            refuse,   ///< with `error`
            user,     ///< to the contacts of `user`
            hop,      ///< to where it says itself
            dropped,  ///< an ACK to nowhere
        };
        Kind kind = Kind::own;
        Error error;
        bool must_prove = false;         ///< its sender is asked for credentials
        std::string_view agent_package;  ///< in a dialog with an agent of whom To or From names
        Way way;                         ///< of a hop
        std::string_view package;        ///< of a user: only contacts that declared it
        std::array<char, 512> user_room;
        std::string_view user;
    };

    // proxy.cpp: what becomes of a request.
    Routing read(const MessageView& message, const Uri& request_uri);
    void plan(const Request& request, const Routing& routing, Plan& plan);
    bool plan_user(const Request& request, const Routing& routing, Plan& plan);
    void plan_hop(const Request& request, const Routing& routing, Plan& plan);
    bool is_registered(const Request& request, const Uri& target, Way& way);
    void for_each_contact(const Plan& plan, const Uri& target,
                          Visitor<const Registrar::Binding&> visit);
    void look_for_agent(const Request& request, Plan& plan) const;
    Fault check_agent(const Now& now, const Request& request, Plan& plan);
    bool is_ours(const NameAddr& address) const;
    Fault check(const Request& request, const Routing& routing);
    Fault check_target(const Request& request, const Plan& plan, bool& has_contact);
    bool admit(const Now& now, Request& request);
    void refuse(const Now& now, const Request& request, const Error& error);
    void carry(const Now& now, Request& request, const Routing& routing, const Plan& plan);
    Handle make(const Now& now, const Request& request, const Routing& routing);
    bool add_targets(Handle handle, const Request& request, const Routing& routing,
                     const Plan& plan);
    bool add_leg(Handle handle, std::string_view uri, std::string_view path, std::uint16_t q,
                 const Way& way);

    // branches.cpp: what goes on.
    Opened open(const Context& context);
    void advance(const Now& now, Handle handle);
    bool start_group(const Now& now, Handle handle);
    void start(const Now& now, Handle leg);
    void send(const Now& now, Handle leg);
    bool send_to(const Now& now, Handle leg, Target& target);
    void failed(const Now& now, Handle leg, Failure why);
    void end_legs(const Now& now, Context& context, std::string_view reason);
    void set_c(const Now& now, Context& context);
    void destroy(Handle handle);
    void forget(Handle handle);
    void let_go_of_legs(const Context& context);
    bool enter(Handle handle, ServerTransactionId server);

    // trials.cpp: what comes back.
    bool comes_back(const Context& context) const;
    void give_back(const Now& now, Handle handle, std::uint16_t status);

    // responses.cpp: what comes back.
    void provisional(const Now& now, Context& context, const Response& response, const Leg& leg);
    void success(const Now& now, Handle handle, const Response& response, const Leg& leg);
    void remember(Context& context, std::uint16_t status, const MessageView* message,
                  std::string_view reason);
    void remember_challenges(Context& context, const MessageView& message);
    void finish(const Now& now, Handle handle);
    void answer(const Now& now, Context& context, std::uint16_t status, std::string_view reason);
    Packet copy_response(const Context& context, const ResponseCopy& copy);
    bool pass_on(const Now& now, Context& context, const MessageView& message, const Leg& leg);
    std::span<char> room();

    Core core_;
    Registrar& registrar_;
    const Directory& directory_;
    Gate& gate_;
    Options options_;
    AgentDirectory* agents_ = nullptr;
    OwnNames own_;
    std::uint8_t part_ = 0;
    bool stopped_ = false;
    Slab<Context> contexts_;
    Slab<Leg> legs_;
    HashIndex by_server_;
    Block room_;                             ///< to write one message in
    std::array<char, 2'048> target_room_{};  ///< of a Request-URI that was cleaned
    std::array<HeaderField, headers_max> slots_{};
};

}  // namespace sip
