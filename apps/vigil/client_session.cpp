#include "apps/vigil/client_session.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "apps/edge/net/address.hpp"
#include "apps/edge/net/descriptor.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/password.hpp"
#include "apps/vigil/text.hpp"
#include "apps/vigil/tls_options.hpp"
#include "sip/base/text.hpp"
#include "sip/message/uri.hpp"
#include "sip/transport/name_cache.hpp"

namespace vigil {

namespace {

using edge::failure;
using edge::Outcome;

constexpr std::uint16_t default_port = 5060, default_tls_port = 5061;
constexpr sip::Duration leave_timeout = sip::seconds{2};
constexpr double timeout_max_s = 1e6;

std::string unescaped(std::string_view text) {
    std::string room(text.size(), '\0');
    sip::Appender out(std::span(room.data(), room.size()));
    sip::write_unescaped(out, text);
    room.resize(out.size());
    return room;
}

/// The address that this machine would send from to reach `to`. No packet leaves.
Outcome<sip::Address> local_address_towards(const sip::Endpoint& to) {
    const auto address = edge::to_socket_address(to);
    const edge::Descriptor fd(::socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), address.get(), address.size) != 0)
        return failure("there is no way from this machine to " + edge::to_text(to));
    return edge::local_endpoint(fd.get()).address;
}

/// A name may lead to any address: this machine's two families, and loopback.
std::vector<edge::ListenSpec> sockets_towards_anywhere(
    const std::vector<sip::Transport>& transports) {
    constexpr std::uint16_t discard = 9;
    sip::Address loopback6, elsewhere6{{0x20, 0x01, 0x0d, 0xb8}};
    loopback6.bytes[15] = 1;
    elsewhere6.bytes[15] = 1;
    std::vector<edge::ListenSpec> specs;
    for (const sip::Address& to : {sip::Address::v4(198, 51, 100, 1), elsewhere6,
                                   sip::Address::v4(127, 0, 0, 1), loopback6}) {
        const auto local = local_address_towards({to, discard});
        if (!local || local->is_unspecified()) continue;
        const bool known = std::any_of(specs.begin(), specs.end(),
                                       [&](const auto& each) { return each.address == *local; });
        if (known) continue;
        for (const auto transport : transports) specs.push_back({transport, *local, 0});
    }
    return specs;
}

}  // namespace

Outcome<std::string> check_address(const std::string& uri) {
    const auto parsed = sip::parse_uri(uri);
    const std::string quoted = "\"" + escape(uri, 100) + "\"";
    if (!parsed)
        return failure(quoted + ": " + std::string(parsed.error().rule) +
                       "; write it as sip:alice@example.com");
    if ((!parsed->is_sip() && parsed->scheme != sip::Scheme::pres) || parsed->user.empty())
        return failure(quoted + ": write it as sip:alice@example.com");
    return uri;
}

Outcome<edge::ListenSpec> choose_server(const std::string& given, const std::string& uri) {
    if (!given.empty()) {
        auto spec = edge::parse_listen_spec(given);
        if (!spec) return failure("--server " + escape(spec.error()));
        if (spec->transport == sip::Transport::ws || spec->transport == sip::Transport::wss)
            return failure("--server " + escape(given) +
                           ": ws and wss are not built in yet; use udp, tcp or tls");
        if (spec->port == 0)
            spec->port = sip::is_secure(spec->transport) ? default_tls_port : default_port;
        return spec;
    }
    edge::ListenSpec spec{sip::Transport::udp, sip::Address::v4(127, 0, 0, 1), default_port};
    const auto parsed = sip::parse_uri(uri);
    if (!parsed) return spec;
    if (parsed->scheme == sip::Scheme::sips) {
        spec.transport = sip::Transport::tls;
        spec.port = default_tls_port;
    }
    const auto numeric = edge::numeric_host(parsed->host);
    if (!numeric) return spec;
    spec.address = *numeric;
    if (parsed->port != 0) spec.port = parsed->port;
    if (spec.transport == sip::Transport::udp && uri.find(";transport=tcp") != std::string::npos)
        spec.transport = sip::Transport::tcp;
    return spec;
}

std::optional<std::string> named_server(const std::string& given) {
    if (given == "dns") return "";
    const auto head = sip::split_at(given, ':');
    const bool is_known = head.before == "udp" || head.before == "tcp" || head.before == "tls";
    if (!is_known || edge::numeric_host(head.after)) return {};
    const auto rest = sip::split_at(head.after, ':');
    if (sip::DomainName(rest.before).empty() || rest.before == "localhost") return {};
    const auto port = sip::parse_decimal(rest.after, 65'535);
    if (rest.found && (!port || *port == 0)) return {};
    return "sip:" + std::string(head.after) + ";transport=" + std::string(head.before);
}

edge::DriverOptions ClientSession::driver_options(const ClientOptions& options) {
    edge::DriverOptions made;
    for (const std::string& each : options.dns)
        if (const auto server = edge::parse_name_server(each))
            made.names.servers.push_back(*server);
    return made;
}

ClientSession::ClientSession(const ClientOptions& options, sip::Stack* stack)
    : options_(options),
      stack_(stack != nullptr ? *stack : own_stack_.emplace(sip::StackOptions{}, entropy_)),
      credentials_(stack_.shard().memory, entropy_),
      engine_(stack_),
      driver_(engine_, driver_options(options)) {}

tl::expected<std::unique_ptr<ClientSession>, ClientSession::Failure> ClientSession::open(
    const ClientOptions& options, const std::string& uri, sip::Stack* stack) {
    const auto wrong = [](std::string error, ExitCode code = ExitCode::wrong_usage) {
        return tl::unexpected(Failure{std::move(error), code});
    };
    const std::string as = options.as.empty() ? uri : options.as;
    const auto checked = check_address(as);
    if (!checked) return wrong((options.as.empty() ? "" : "--as ") + checked.error());
    if (options.timeout_s && !(*options.timeout_s > 0 && *options.timeout_s <= timeout_max_s))
        return wrong("--timeout wants seconds above 0");
    for (const std::string& each : options.dns)
        if (const auto read = edge::parse_name_server(each); !read)
            return wrong("--dns " + escape(read.error(), 200));
    for (const std::string& each : options.listen)
        if (const auto read = edge::parse_listen_spec(each); !read)
            return wrong("--listen " + escape(read.error(), 200));
    const auto by_name = named_server(options.server);
    if (by_name && !edge::Resolver::is_built_in())
        return wrong("--server " + escape(options.server, 200) +
                     ": this build asks no name servers (it has no c-ares); give an address");
    const auto server = choose_server(by_name ? std::string{} : options.server, uri);
    if (!server) return wrong(server.error());
    const bool may_be_tls = by_name ? options.server == "dns" || options.server.starts_with("tls:")
                                    : server->transport == sip::Transport::tls;
    for (const std::string& each : {uri, as})
        if (sip::parse_uri(each)->scheme == sip::Scheme::sips && !may_be_tls)
            return wrong("\"" + escape(each, 100) +
                         "\": sips goes by TLS alone; give --server tls:HOST:PORT");
    std::unique_ptr<ClientSession> session(new ClientSession(options, stack));
    session->as_ = as;
    session->uri_ = uri;
    session->server_ = *server;
    session->by_name_ = by_name;
    session->server_text_ = !by_name                  ? edge::to_text(*server)
                            : options.server == "dns" ? "the servers of its domain"
                                                      : escape(options.server, 200);
    session->user_ = unescaped(sip::parse_uri(session->as_)->user);
    if (const auto set = session->set_password(); !set) return wrong(set.error());
    if (const auto set = session->set_challenge(); !set) return wrong(set.error());
    if (const auto tls = session->set_tls(); !tls) return wrong(tls.error());
    if (const auto bound = session->listen(); !bound) return wrong(bound.error(), ExitCode::failed);
    return session;
}

Outcome<void> ClientSession::set_password() {
    std::string password;
    if (options_.password_env) {
        const auto value = password_from_environment(*options_.password_env);
        if (!value) return failure(value.error());
        password = *value;
    } else if (options_.password) {
        password = *options_.password;
    }
    has_password_ = !password.empty();
    own_secret_.password = password;
    // The server's own realm, whatever it is called: there is one server, and one password for it.
    if (has_password_ && !credentials_.add_password("", user_, password))
        return failure("the password is too long");
    return {};
}

bool ClientSession::OwnSecret::find(std::string_view who, std::string_view where,
                                    sip::DigestAlgorithm base, sip::Ha1& out) const {
    out = sip::make_ha1(base, user, realm, password);
    return who == user && where == realm;
}

Outcome<void> ClientSession::set_challenge() {
    if (!options_.challenge) return {};
    if (!has_password_) return failure("--challenge wants our password: give --password-env VAR");
    own_secret_.user = user_;
    own_secret_.realm = std::string(sip::parse_uri(as_)->host);
    sip::DigestServerOptions digest;
    (void)digest.algorithms.push(sip::DigestAlgorithm::md5);
    digest.auth_int_alone = true;
    notify_digest_.emplace(stack_.shard().memory, entropy_, digest);
    notify_gate_.emplace(*notify_digest_, own_secret_, own_secret_.realm);
    stack_.set_gate(&*notify_gate_);
    return {};
}

Outcome<void> ClientSession::set_tls() {
    const std::array<std::pair<const char*, const std::string*>, 4> given{
        {{"--ca", &options_.ca},
         {"--cert", &options_.cert},
         {"--key", &options_.key},
         {"--server-name", &options_.server_name}}};
    const bool by_tls =
        by_name_ ? options_.server.starts_with("tls:") : server_.transport == sip::Transport::tls;
    const bool is_looked_up = options_.server == "dns";
    if (!by_tls && !(is_looked_up && why_no_tls().empty())) {
        for (const auto& [name, value] : given)
            if (!value->empty())
                return failure(std::string(name) + " goes with TLS; give --server tls:HOST:PORT");
        return {};
    }
    if (const std::string why = why_no_tls(); !why.empty())
        return failure("--server " + server_text_ + ": " + why);
    if (by_name_ && !options_.server_name.empty())
        return failure(
            "--server-name goes with an address; a server found by name proves that one");
    edge::TlsSettings settings;
    settings.authorities = options_.ca;
    if (!options_.cert.empty() || !options_.key.empty()) {
        if (options_.cert.empty() || options_.key.empty())
            return failure("--cert and --key go together");
        settings.certificates.push_back({options_.cert, options_.key});
    }
    std::vector<std::string> warnings;
    auto context = edge::TlsContext::make(settings, warnings);
    if (!context) return failure(context.error());
    for (const std::string& warning : warnings) print_error("warning: " + warning);
    driver_.set_tls(std::move(*context));
    has_tls_ = true;
    tls_alone_ = by_tls;
    driver_.on_tls_trouble([this](const edge::TlsTrouble& what) {
        if (what.by_us) tls_error_ = what.why;
    });
    // RFC 5922 7.3: what was asked for, before any name system was.
    const std::string& text = options_.server;
    const auto first = text.find(':'), last = text.rfind(':');
    server_name_ = !options_.server_name.empty() ? options_.server_name
                   : !text.empty()               ? text.substr(first + 1, last - first - 1)
                                                 : std::string(sip::parse_uri(uri_)->host);
    return {};
}

Outcome<void> ClientSession::listen() {
    if (!options_.listen.empty()) {
        std::vector<edge::ListenSpec> specs;
        for (const std::string& each : options_.listen) {
            specs.push_back(*edge::parse_listen_spec(each));
        }
        return driver_.listen(specs);
    }
    if (by_name_) {
        std::vector<sip::Transport> transports;
        if (has_tls_) transports.push_back(sip::Transport::tls);
        if (!tls_alone_)
            transports.insert(transports.end(), {sip::Transport::udp, sip::Transport::tcp});
        return driver_.listen(sockets_towards_anywhere(transports));
    }
    const auto local = local_address_towards({server_.address, server_.port});
    if (!local) return failure(local.error());
    // Both, as a phone has them: a NOTIFY that is too large for a datagram comes by TCP.
    // With TLS nothing else: what was asked for in private is not taken in the clear.
    if (server_.transport == sip::Transport::tls)
        return driver_.listen(std::array{edge::ListenSpec{sip::Transport::tls, *local, 0}});
    const std::array specs{edge::ListenSpec{sip::Transport::udp, *local, 0},
                           edge::ListenSpec{sip::Transport::tcp, *local, 0}};
    return driver_.listen(specs);
}

sip::UacOptions ClientSession::peer(const std::string& uri) {
    sip::UacOptions options;
    options.uri = uri;
    options.from = as_;
    const auto parsed = sip::parse_uri(as_);
    if (parsed) options.contact_user = parsed->user;
    if (by_name_) {
        options.next_hop_uri = *by_name_;
    } else {
        options.next_hop.transport = server_.transport;
        options.next_hop.remote = {server_.address, server_.port};
        if (server_.transport == sip::Transport::tls)
            options.next_hop.domain = sip::SharedBytes::copy(stack_.shard().memory, server_name_);
    }
    if (has_password_) options.credentials = &credentials_;
    options.instance = options_.instance;
    options.keep_alive = true;
    return options;
}

std::string ClientSession::random_name() {
    std::array<char, 24> room{};
    sip::Appender out(room);
    out << "t";
    out.hex(entropy_.next());
    return std::string(out.view());
}

ExitCode ClientSession::run(std::function<void()> news, std::function<void()> leave) {
    leave_ = std::move(leave);
    driver_.after_drain([this, news = std::move(news)] {
        news();
        if (output_is_broken() && !leaving_) begin_to_leave(ExitCode::failed);
    });
    const auto interrupted = [this](ExitCode code) {
        // A second Ctrl-C does not wait for anybody.
        if (leaving_)
            finish(code);
        else
            begin_to_leave(code);
    };
    driver_.on_signal(SIGINT, [=] { interrupted(ExitCode::interrupted); });
    driver_.on_signal(SIGTERM, [=] { interrupted(ExitCode::done); });
    if (options_.timeout_s)
        driver_.after(
            std::chrono::milliseconds{static_cast<std::int64_t>(*options_.timeout_s * 1000)},
            [this] {
                if (leaving_) return;
                if (timeout_)
                    timeout_();
                else
                    begin_to_leave(ExitCode::done);
            });
    driver_.run();
    driver_.after_drain({});
    return code_;
}

void ClientSession::set_code(ExitCode code) {
    if (!has_code_) code_ = code;
    has_code_ = true;
}

void ClientSession::begin_to_leave(ExitCode code) {
    set_code(code);
    if (leaving_) return;
    leaving_ = true;
    driver_.after(leave_timeout, [this] { finish(code_); });
    if (leave_) leave_();
}

void ClientSession::finish(ExitCode code) {
    set_code(code);
    leaving_ = true;
    driver_.stop();
}

std::string ClientSession::hint_for(std::uint16_t status) const {
    switch (status) {
        case 401:
        case 407:
            return has_password_ ? "the user or the password is wrong"
                                 : "give the password with --password-env VAR";
        case 403: return "this user may not do that";
        case 404: return "the server knows nobody of that address";
        case 408: return "is a server listening there? --server says which";
        case 412: return "nothing is published under that entity-tag any more";
        case 423: return "ask for more with --expires";
        case 489: return "the server does not know that event package";
        default: return {};
    }
}

void ClientSession::complain(const Refusal& refusal) const {
    const std::string& server = server_text_;
    const bool silent = refusal.phrase.empty();
    std::string error = escape(refusal.uri, 200) + ": " + refusal.what;
    if (refusal.status == 408 && silent)
        error += " got no answer from " + server;
    else if (refusal.status == 503 && silent)
        error += " could not be sent to " + server +
                 (tls_error_.empty() ? std::string() : ": " + escape(tls_error_));
    else
        error += " was refused: " + std::to_string(refusal.status) + " " + escape(refusal.phrase);
    const std::string hint =
        !tls_error_.empty() ? "" : hint_for(silent && refusal.status == 503 ? 408 : refusal.status);
    if (!hint.empty()) error += "; " + hint;
    (void)fail(ExitCode::failed, {error, refusal.uri, refusal.status, refusal.phrase}, json());
}

void ClientSession::complain(const std::string& uri, const std::string& error) const {
    (void)fail(ExitCode::failed, {escape(uri, 200) + ": " + error, uri, 0, {}}, json());
}

}  // namespace vigil
