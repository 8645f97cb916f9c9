#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "apps/edge/net/clock.hpp"
#include "apps/edge/net/driver.hpp"
#include "apps/edge/net/entropy.hpp"
#include "apps/vigil/exit_code.hpp"
#include "apps/vigil/options.hpp"
#include "sip/auth/digest_client.hpp"
#include "sip/auth/digest_server.hpp"
#include "sip/dialog/uac.hpp"
#include "sip/event/notify_gate.hpp"
#include "sip/stack.hpp"

namespace vigil {

/// An address-of-record as a person types it, "sip:alice@example.com"; the error says how.
edge::Outcome<std::string> check_address(const std::string& uri);
/// --server, or what stands for it: the URI's host where that is numeric or localhost, else
/// 127.0.0.1; by TLS at port 5061 for a sips URI, else by UDP at 5060.
edge::Outcome<edge::ListenSpec> choose_server(const std::string& given, const std::string& uri);

/// What is looked up for a --server that is "dns" (empty: the Request-URI itself) or has a name for
/// its host: a SIP URI. Nothing: no name is in it.
std::optional<std::string> named_server(const std::string& given);

/// How a client ended: the request or the subscription that failed, told to a person.
struct Refusal {
    std::string what;  ///< "SUBSCRIBE"
    std::string uri;
    std::uint16_t status = 0;  ///< 408: no answer; 503 with no phrase: not reachable
    std::string phrase;
};

/// What watch, publish and register stand on: one stack on one libuv loop with a UDP and a TCP
/// socket of its own, a way to the server, a password, Ctrl-C and a timeout. The part that speaks
/// is made after the session and goes before it.
class ClientSession {
public:
    /// The error is one line, of wrong usage or of a machine that does not let us.
    struct Failure {
        std::string error;
        ExitCode code = ExitCode::wrong_usage;
    };
    /// `stack`, which outlives this, instead of one of its own.
    static tl::expected<std::unique_ptr<ClientSession>, Failure> open(const ClientOptions& options,
                                                                      const std::string& uri,
                                                                      sip::Stack* stack = nullptr);

    sip::Stack& stack() { return stack_; }
    edge::Driver& driver() { return driver_; }
    sip::Now now() const { return edge::read_clocks(); }
    /// Who asks for `uri`, and the way. Views live as long as this and `uri`.
    sip::UacOptions peer(const std::string& uri);
    const std::string& as() const { return as_; }
    std::string random_name();

    /// Runs until `finish` has its way. `news` is called whenever something may have happened,
    /// `leave` once, when it is time to clean up: Ctrl-C, the timeout, or `begin_to_leave`.
    ExitCode run(std::function<void()> news, std::function<void()> leave);
    /// The end begins: `leave` is called, and after 2 s nothing is waited for any more.
    void begin_to_leave(ExitCode code);
    bool is_leaving() const { return leaving_; }
    /// --timeout is over; what ends then is a failure unless the command says otherwise.
    void on_timeout(std::function<void()> then) { timeout_ = std::move(then); }
    /// Nothing is left to do: `run` returns, with the code that was set first.
    void finish(ExitCode code);

    /// Tells a person, or a script, that something was refused.
    void complain(const Refusal& refusal) const;
    void complain(const std::string& uri, const std::string& error) const;
    bool json() const { return options_.json; }

private:
    ClientSession(const ClientOptions& options, sip::Stack* stack);
    static edge::DriverOptions driver_options(const ClientOptions& options);
    edge::Outcome<void> set_password();
    edge::Outcome<void> set_tls();
    edge::Outcome<void> set_challenge();
    edge::Outcome<void> listen();
    std::string hint_for(std::uint16_t status) const;
    void set_code(ExitCode code);

    ClientOptions options_;
    std::string as_, uri_, user_;
    edge::ListenSpec server_;
    std::optional<std::string> by_name_;  ///< in place of server_: see named_server
    std::string server_text_;             ///< as people know it
    std::string server_name_;             ///< whom the server has to prove to be (TLS)
    std::string tls_error_;               ///< why no TLS connection came to be
    bool has_tls_ = false, tls_alone_ = false;
    bool has_password_ = false;
    bool leaving_ = false;
    bool has_code_ = false;
    ExitCode code_ = ExitCode::done;
    std::function<void()> leave_, timeout_;
    edge::OsEntropy entropy_;
    std::optional<sip::Stack> own_stack_;
    sip::Stack& stack_;
    sip::DigestClient credentials_;
    /// What NOTIFYs are to be proved with: our own password.
    struct OwnSecret final : sip::CredentialSource {
        std::string user, realm, password;
        bool find(std::string_view who, std::string_view where, sip::DigestAlgorithm base,
                  sip::Ha1& out) const override;
    };
    OwnSecret own_secret_;
    std::optional<sip::DigestServer> notify_digest_;
    std::optional<sip::NotifyGate> notify_gate_;
    edge::EngineOf<sip::Stack> engine_;
    edge::Driver driver_;
};

}  // namespace vigil
