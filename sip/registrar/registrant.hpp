#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "sip/base/ring.hpp"
#include "sip/dialog/uac_request.hpp"

namespace sip {

/// Names a contact of ours at a registrar.
struct RegistrationId {
    Handle handle;
    friend bool operator==(const RegistrationId&, const RegistrationId&) = default;
    explicit operator bool() const { return static_cast<bool>(handle); }
};

struct RegisterOptions {
    /// `peer.uri` is the address-of-record; the Request-URI is its domain (RFC 3261 10.2), and a
    /// `peer.contact_user` of ours goes into our own contact.
    UacOptions peer;
    /// A URI; empty: our own address, as the registrar reaches it.
    std::string_view contact;
    std::uint32_t expires_s = 3600;
    std::optional<std::uint16_t> q;  ///< thousandths, up to 1000
    bool once = false;               ///< leave it to expire: no refresh is sent
    /// RFC 5626: the URN of this UA, the same whenever it starts ("urn:uuid:..."); empty: an
    /// ordinary registration. With it, the registration is for the connection it is sent by, which
    /// is kept alive and made anew when it fails.
    std::string_view instance;
    std::uint32_t reg_id = 1;  ///< which of its connections this is; from 1
    /// Callee capabilities (RFC 3840) as Contact parameters, each with its semicolon in front:
    /// `;methods="SUBSCRIBE";events="presence"`. Empty: none.
    std::string_view capabilities;
};

/// News of a registration, for the application.
struct RegistrationNotice {
    enum class Kind : std::uint8_t {
        registered,  ///< a 2xx: `contacts` and `expires_s` are those of now
        waiting,     ///< a REGISTER failed, and is sent again in `retry_after_s`
        removed,     ///< as asked for, or run out; the id names nothing any more
        failed,      ///< it is over; the id names nothing any more
    };
    Kind kind = Kind::registered;
    RegistrationId registration;
    /// Of the response; 408 where none came, 503 where nothing could be sent.
    std::uint16_t status = 0;
    std::uint32_t expires_s = 0;  ///< of our contact
    std::uint32_t retry_after_s = 0;
    SharedBytes contacts;  ///< every Contact of the response, as a comma list
    SharedBytes phrase;    ///< the reason phrase of the response
};

/// The UAC of RFC 3261 10.2: registers contacts, keeps them fresh, takes them away. All REGISTERs
/// have one Call-ID and rising CSeq. News waits in a bounded queue until the application reads it.
class Registrant : public TransactionUser {
public:
    static constexpr std::array<Method, 0> methods{};

    explicit Registrant(const Core& core);
    ~Registrant();
    void attach_as(std::uint8_t part) { part_ = part; }

    /// Sends the first REGISTER. Errors: `malformed` (an URI, q, 0 s), `overloaded` (a limit), no
    /// way to the registrar; nothing was sent then.
    Expected<RegistrationId> register_contact(const Now& now, const RegisterOptions& options);
    /// Registers it again now. False: no such id, or a REGISTER is on its way.
    bool refresh(const Now& now, RegistrationId id);
    /// Takes the contact away. `removed` or `failed` follows. False: no such id.
    bool unregister(const Now& now, RegistrationId id);

    std::optional<RegistrationNotice> next_notice();
    std::size_t size() const { return slab_.size(); }

    /// A Registrant serves no method; the stack never calls this.
    void on_request(const Now& now, const Request& request) override;
    void on_response(const Now& now, Handle object, const Response& response) override;
    void on_failure(const Now& now, Handle object, Failure why) override;
    void on_located(const Now& now, Handle object, LookupId id) override;
    void on_timer(const Now& now, Handle object) override;
    void on_flow_lost(const Now& now, Handle object) override;
    void trim() override {
        slab_.trim();
        notices_.trim();
    }

private:
    enum class Name : std::uint8_t { refresh, expires, retry };
    enum class Operation : std::uint8_t { none, add, remove };
    struct Registration {
        Uac uac;
        Block contact;  ///< empty: our own
        Block capabilities;
        std::uint32_t reg_id = 1;
        bool plain = false;  ///< RFC 5626 was refused (439), so it is an ordinary one
        std::uint32_t expires_s = 0;
        std::uint32_t asked_s = 0;
        std::optional<std::uint16_t> q;
        bool once = false;
        bool established = false;           ///< a 2xx came once
        Operation doing = Operation::none;  ///< on its way
        bool leaving = false;               ///< the contact is to be taken away
        std::uint32_t failures = 0;         ///< in a row
        FlowBond bond;                      ///< the registrar knows us by its connection
        UacAttempt attempt;
        Timers<Name, 3> timers;
    };
    struct Cause {
        std::uint16_t status = 0;
        std::string_view phrase;
        std::optional<std::uint32_t> retry_after_s;
    };

    Expected<Handle> make(const RegisterOptions& options);
    void forget(Handle handle);
    Expected<void> send(const Now& now, Handle handle, bool first_try);
    void send_or_fail(const Now& now, Handle handle, bool first_try);
    void accepted(const Now& now, Handle handle, const Response& response);
    /// `silent`: no response came at all.
    void failed(const Now& now, Handle handle, const Cause& cause, bool silent);
    void keep_flow(Handle handle, FlowId flow);
    void keep_alive(const Now& now, const Registration& registration, const MessageView& response);
    std::uint32_t granted(const Registration& registration, const MessageView& response) const;
    void tell(RegistrationNotice&& notice);
    RegistrationNotice notice_of(Handle handle, RegistrationNotice::Kind kind, const Cause& cause);
    Shard& shard() const { return core_.shard; }

    Core core_;
    std::uint8_t part_ = 0;
    Slab<Registration> slab_;
    Ring<RegistrationNotice> notices_;
    std::optional<Uac::CallId> call_id_;
    std::uint32_t cseq_ = 0;
};

}  // namespace sip
