#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "sip/base/ring.hpp"
#include "sip/dialog/uac_request.hpp"

namespace sip {

/// Names a publication of ours.
struct PublishId {
    Handle handle;
    friend bool operator==(const PublishId&, const PublishId&) = default;
    explicit operator bool() const { return static_cast<bool>(handle); }
};

struct PublishOptions {
    UacOptions peer;
    std::string_view event;  ///< "presence"
    std::string_view content_type, body;
    /// Empty: nothing is asked for, and the compositor decides.
    std::optional<std::uint32_t> expires_s;
    /// An entity-tag from before that may still be good: the body replaces what stands under it
    /// (RFC 3903 4.2).
    std::string_view etag;
    /// Leave it to expire: no refresh is sent.
    bool once = false;
};

/// News of a publication, for the application.
struct PublicationNotice {
    enum class Kind : std::uint8_t {
        published,  ///< a 2xx: `etag` and `expires_s` are those of now
        refused,    ///< a modification was; what was published before stands
        waiting,    ///< a PUBLISH failed, and is sent again in `retry_after_s`
        removed,    ///< as asked for; the id names nothing any more
        failed,     ///< it is over; the id names nothing any more
    };
    Kind kind = Kind::published;
    PublishId publication;
    /// Of the response; 408 where none came, 503 where nothing could be sent.
    std::uint16_t status = 0;
    std::uint32_t expires_s = 0;
    std::uint32_t retry_after_s = 0;
    SharedBytes etag;
    SharedBytes phrase;  ///< the reason phrase of the response
    SharedBytes accept;  ///< of a 415: the body types that would be taken (RFC 3261 8.1.3.5)
};

/// The event publication agent of RFC 3903 4: publishes state, keeps it fresh, changes and removes
/// it. One PUBLISH of a publication is on its way at a time; what changes meanwhile is merged.
/// News waits in a bounded queue until the application reads it.
class Publisher : public TransactionUser {
public:
    static constexpr std::array<Method, 0> methods{};

    explicit Publisher(const Core& core);
    ~Publisher();
    void attach_as(std::uint8_t part) { part_ = part; }

    /// Sends the first PUBLISH. Errors: `malformed` (an URI, the event, the entity-tag, no body),
    /// `overloaded` (a limit), no way to the target; nothing was sent then.
    Expected<PublishId> publish(const Now& now, const PublishOptions& options);
    /// The complete new state, of the same type. False: no such id, it is being removed, or no
    /// memory.
    bool modify(const Now& now, PublishId id, std::string_view body);
    /// Takes the state away. `removed` or `failed` follows. False: no such id.
    bool remove(const Now& now, PublishId id);
    /// Takes away what was published under `options.etag`, by whoever.
    Expected<PublishId> remove_tag(const Now& now, const PublishOptions& options);

    std::optional<PublicationNotice> next_notice();
    std::size_t size() const { return slab_.size(); }

    /// A Publisher serves no method; the stack never calls this.
    void on_request(const Now& now, const Request& request) override;
    void on_response(const Now& now, Handle object, const Response& response) override;
    void on_failure(const Now& now, Handle object, Failure why) override;
    void on_located(const Now& now, Handle object, LookupId id) override;
    void on_timer(const Now& now, Handle object) override;
    bool pulls() const override { return true; }
    bool pull(const Now& now) override;
    void trim() override {
        slab_.trim();
        notices_.trim();
    }

private:
    enum class Name : std::uint8_t { refresh, expires, retry };
    /// RFC 3903 4.1, table 1: what a PUBLISH does.
    /// Of two that are wanted, the one further down is done.
    enum class Operation : std::uint8_t { none, refresh, initial, modify, remove };
    struct Publication {
        Uac uac;
        Block event, content_type;
        SharedBytes body;       ///< the state as the application last gave it
        SharedBytes published;  ///< the state as the compositor last took it
        SharedBytes etag;       ///< of the latest 2xx; none before and after
        std::optional<std::uint32_t> expires_s;
        std::uint32_t asked_s = 0;
        bool once = false;
        bool established = false;            ///< a 2xx came once
        Operation doing = Operation::none;   ///< on its way
        Operation wanted = Operation::none;  ///< next
        std::uint32_t failures = 0;          ///< in a row
        UacAttempt attempt;
        Timers<Name, 3> timers;
    };
    struct Cause {
        std::uint16_t status = 0;
        std::string_view phrase;
        std::optional<std::uint32_t> retry_after_s;
        std::string_view accept;
    };

    Expected<Handle> make(const PublishOptions& options);
    void forget(Handle handle);
    Expected<PublishId> begin(const Now& now, const PublishOptions& options, Operation first);
    Expected<void> send(const Now& now, Handle handle, bool first_try);
    void send_or_fail(const Now& now, Handle handle, bool first_try);
    /// Does what is wanted of a publication that is ready for it.
    void go_on(const Now& now, Handle handle);
    bool is_ready(const Publication& publication);
    bool is_busy(std::string_view uri);
    void want(Handle handle, Operation operation);
    void accepted(const Now& now, Handle handle, const Response& response);
    /// `silent`: no response came at all.
    void failed(const Now& now, Handle handle, const Cause& cause, bool silent);
    void wait(const Now& now, Handle handle, Operation operation, const Cause& cause);
    void end(Handle handle, PublicationNotice::Kind kind, const Cause& cause);
    PublicationNotice notice_of(Handle handle, PublicationNotice::Kind kind, const Cause& cause);
    void tell(PublicationNotice&& notice);
    Shard& shard() const { return core_.shard; }

    Core core_;
    std::uint8_t part_ = 0;
    Slab<Publication> slab_;
    Ring<PublicationNotice> notices_;
    bool changed_ = false;  ///< one may have become ready to send what is wanted of it
};

}  // namespace sip
