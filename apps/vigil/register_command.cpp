#include "apps/vigil/client_session.hpp"
#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/json_output.hpp"
#include "apps/vigil/text.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/uri.hpp"
#include "sip/registrar/registrant.hpp"

namespace vigil {

namespace {

class Register {
public:
    Register(const RegisterOptions& options, ClientSession& session)
        : options_(options), session_(session), registrant_(session.stack().core()) {
        registrant_.attach_as(session.stack().attach(registrant_, sip::Registrant::methods));
    }

    ExitCode run() {
        sip::RegisterOptions registration;
        registration.peer = session_.peer(options_.uri);
        if (options_.contact) registration.contact = *options_.contact;
        if (options_.client.expires_s) registration.expires_s = *options_.client.expires_s;
        registration.once = options_.once;
        registration.instance = options_.client.instance;
        registration.reg_id = options_.reg_id.value_or(1);
        // By a Flow-Timer, where there is an instance.
        registration.peer.keep_alive = registration.instance.empty();
        const auto made = registrant_.register_contact(session_.now(), registration);
        if (!made) {
            session_.complain(options_.uri,
                              "REGISTER could not be sent: " + std::string(made.error().rule));
            return ExitCode::failed;
        }
        id_ = *made;
        session_.on_timeout([this] { timed_out(); });
        return session_.run([this] { read_news(); }, [this] { leave(); });
    }

private:
    void read_news() {
        while (auto notice = registrant_.next_notice()) take(*notice);
    }

    void take(const sip::RegistrationNotice& notice) {
        using Kind = sip::RegistrationNotice::Kind;
        switch (notice.kind) {
            case Kind::registered:
                registered_ = true;
                tell(notice);
                if (options_.once) session_.finish(ExitCode::done);
                return;
            case Kind::waiting:
                if (!session_.is_leaving())
                    print_error(escape(options_.uri) + ": REGISTER failed with " +
                                std::to_string(notice.status) + "; trying again in " +
                                std::to_string(notice.retry_after_s) + " s");
                return;
            case Kind::removed:
                tell(notice);
                session_.finish(ExitCode::done);
                return;
            case Kind::failed:
                session_.complain(
                    {"REGISTER", options_.uri, notice.status, std::string(notice.phrase.view())});
                session_.finish(ExitCode::failed);
                return;
        }
    }

    void tell(const sip::RegistrationNotice& notice) const {
        const bool removed = notice.kind == sip::RegistrationNotice::Kind::removed;
        RegisterFields fields{time_text(wall_clock_ms()), options_.uri, notice.status, {}};
        std::string_view rest = notice.contacts.view();
        while (true) {
            const std::size_t before = rest.size();
            const std::string_view start = rest;
            const auto contact = sip::next_contact(rest);
            if (!contact || !*contact) break;
            if (session_.json()) {
                fields.contacts.emplace_back((*contact)->address.uri.text);
                continue;
            }
            std::string_view value = start.substr(0, before - rest.size());
            while (value.ends_with(',') || value.ends_with(' ')) value.remove_suffix(1);
            print_line("contact " + escape(value));
        }
        if (session_.json())
            print_line(json_of(fields));
        else if (removed)
            print_line("removed");
    }

    void timed_out() {
        if (!registered_)
            session_.complain(options_.uri, "no answer to REGISTER came before --timeout");
        session_.begin_to_leave(registered_ ? ExitCode::done : ExitCode::failed);
    }

    void leave() {
        if (!registrant_.unregister(session_.now(), id_)) session_.finish(ExitCode::failed);
    }

    const RegisterOptions& options_;
    ClientSession& session_;
    sip::Registrant registrant_;
    sip::RegistrationId id_;
    bool registered_ = false;
};

}  // namespace

ExitCode run_register(const RegisterOptions& options) {
    const auto wrong = [&](const std::string& error, ExitCode code = ExitCode::wrong_usage) {
        return fail(code, {"vigil register: " + error, {}, 0, {}}, options.client.json);
    };
    if (const auto checked = check_address(options.uri); !checked) return wrong(checked.error());
    if (options.client.expires_s && *options.client.expires_s == 0)
        return wrong("--expires wants 1 or more; a registration is taken away by Ctrl-C");
    if (options.reg_id && (options.client.instance.empty() || *options.reg_id == 0))
        return wrong("--reg-id goes with --instance, and starts at 1");
    if (options.contact)
        if (const auto contact = sip::parse_uri(*options.contact); !contact)
            return wrong("--contact \"" + escape(*options.contact, 100) +
                         "\": " + std::string(contact.error().rule));
    auto session = ClientSession::open(options.client, options.uri);
    if (!session) return wrong(session.error().error, session.error().code);
    return Register(options, **session).run();
}

}  // namespace vigil
