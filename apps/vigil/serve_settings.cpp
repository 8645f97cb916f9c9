#include "apps/vigil/serve_settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "apps/edge/net/resolver.hpp"
#include "apps/vigil/compose_option.hpp"
#include "apps/vigil/config_file.hpp"
#include "apps/vigil/file.hpp"
#include "apps/vigil/limit_names.hpp"
#include "apps/vigil/serve_options.hpp"
#include "apps/vigil/text.hpp"
#include "apps/vigil/tls_options.hpp"
#include "sip/base/text.hpp"
#include "sip/message/uri.hpp"

namespace vigil {

namespace {

using edge::failure;
using edge::Outcome;

constexpr std::uint32_t expires_limit_s = 31'536'000;  // a year
constexpr double interval_limit_s = 3600;
constexpr std::uint32_t rate_limit = 1'000'000;
constexpr std::uint32_t jitter_limit_percent = 50;

/// Reads values and remembers the first thing that is wrong.
class Reader {
public:
    explicit Reader(const RawOptions& options) : options_(options) {}

    const RawOption* find(std::string_view name) const {
        const auto found = options_.find(name);
        return found == options_.end() ? nullptr : &found->second;
    }
    bool has(std::string_view name) const { return find(name) != nullptr; }
    std::string text(std::string_view name, std::string_view otherwise = "") const {
        const RawOption* option = find(name);
        return option == nullptr ? std::string(otherwise) : option->values.back();
    }
    std::vector<std::string> list(std::string_view name) const {
        const RawOption* option = find(name);
        return option == nullptr ? std::vector<std::string>{} : option->values;
    }
    bool flag(std::string_view name) const { return text(name) == "true"; }

    /// The index of the value among `words`; wrong when it is none of them.
    template <std::size_t N>
    std::size_t choice(std::string_view name, const std::array<std::string_view, N>& words,
                       std::size_t otherwise) {
        const RawOption* option = find(name);
        if (option == nullptr) return otherwise;
        const std::string& value = option->values.back();
        std::string all;
        for (std::size_t i = 0; i < N; ++i) {
            if (value == words[i]) return i;
            all += (i == 0 ? "" : i + 1 == N ? " or " : ", ") + std::string(words[i]);
        }
        wrong(*option, value, "use " + all);
        return otherwise;
    }
    std::uint32_t whole_seconds(std::string_view name, std::uint32_t otherwise) {
        const RawOption* option = find(name);
        if (option == nullptr) return otherwise;
        const auto number = sip::parse_decimal(option->values.back(), expires_limit_s);
        if (!number || *number == 0)
            wrong(*option, option->values.back(),
                  "it wants whole seconds from 1 to " + std::to_string(expires_limit_s));
        return static_cast<std::uint32_t>(number.value_or(otherwise));
    }
    std::uint32_t whole_number(std::string_view name, std::uint32_t otherwise, std::uint32_t most) {
        const RawOption* option = find(name);
        if (option == nullptr) return otherwise;
        const auto number = sip::parse_decimal(option->values.back(), most);
        if (!number)
            wrong(*option, option->values.back(),
                  "it wants a whole number from 0 to " + std::to_string(most));
        return static_cast<std::uint32_t>(number.value_or(otherwise));
    }
    sip::Duration interval(std::string_view name, sip::Duration otherwise) {
        const RawOption* option = find(name);
        if (option == nullptr) return otherwise;
        const std::string& value = option->values.back();
        double number = 0;
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), number);
        const bool right = error == std::errc{} && end == value.data() + value.size() &&
                           number >= 0 && number <= interval_limit_s;
        if (!right) {
            wrong(*option, value, "it wants seconds from 0 (no hold) to 3600");
            return otherwise;
        }
        return std::chrono::milliseconds{static_cast<std::int64_t>(number * 1000 + 0.5)};
    }
    void wrong(const RawOption& option, std::string_view value, const std::string& fix) {
        say(option.origin + " \"" + escape(value, 100) + "\": " + fix);
    }
    void say(std::string error) {
        if (error_.empty()) error_ = std::move(error);
    }
    const std::string& error() const { return error_; }

private:
    const RawOptions& options_;
    std::string error_;
};

void refuse_not_built_in(Reader& in) {
    if (const RawOption* option = in.find("http"))
        in.wrong(*option, option->values.back(), "not built in yet; leave it out");
    if (const RawOption* state = in.find("state");
        state != nullptr && in.text("state") != ":memory:")
        in.wrong(*state, state->values.back(),
                 "durable state is not built in yet; leave it out or use :memory:");
}

void read_listeners(Reader& in, ServeSettings& out) {
    auto texts = in.list("listen");
    const RawOption* option = in.find("listen");
    const RawOption standard{{"udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"}, "--listen"};
    if (option == nullptr) option = &standard;
    for (const std::string& text : option->values) {
        const auto spec = edge::parse_listen_spec(text);
        if (!spec) {
            in.say(option->origin + " " + escape(spec.error()));
            return;
        }
        if (spec->transport == sip::Transport::ws || spec->transport == sip::Transport::wss) {
            in.wrong(*option, text, "ws and wss are not built in yet; use udp, tcp or tls");
            return;
        }
        out.listen.push_back(*spec);
    }
}

/// A host as it may stand in a URI: a name or an address.
bool is_host(const std::string& text) {
    const std::string uri = "sip:" + text;
    const auto parsed = sip::parse_uri(uri);
    return parsed && !parsed->has_user && parsed->host.size() == text.size();
}

void read_hosts(Reader& in, ServeSettings& out) {
    out.domains = in.list("domain");
    if (!in.has("domain")) out.domains = {"localhost"};
    for (std::string& domain : out.domains) {
        if (!is_host(domain))
            in.wrong(*in.find("domain"), domain, "it wants a host name or address, as example.com");
        std::transform(domain.begin(), domain.end(), domain.begin(), sip::to_lower);
    }
    out.advertise = in.text("advertise");
    if (in.has("advertise") && !is_host(out.advertise))
        in.wrong(*in.find("advertise"), out.advertise, "it wants a host name or address");
}

void read_name_servers(Reader& in, ServeSettings& out) {
    for (const std::string& text : in.list("dns")) {
        const auto server = edge::parse_name_server(text);
        if (!server)
            in.wrong(*in.find("dns"), text, "it wants an address: 192.0.2.53, [2001:db8::53]:5353");
        else if (!edge::Resolver::is_built_in())
            in.wrong(*in.find("dns"), text, "this build asks no name servers (it has no c-ares)");
        else
            out.dns.push_back(*server);
    }
}

void read_tls(Reader& in, ServeSettings& out) {
    constexpr std::array<std::string_view, 3> words{"none", "ask", "require"};
    const auto pairs = pair_certificates(in.list("cert"), in.list("key"));
    if (pairs)
        out.tls.certificates = *pairs;
    else
        in.say(pairs.error());
    out.tls.authorities = in.text("ca");
    out.tls.client_certificates =
        static_cast<edge::ClientCertificates>(in.choice("client-certificates", words, 0));
    out.tls.strict = in.flag("strict");
    const auto listener = std::find_if(out.listen.begin(), out.listen.end(), [](const auto& spec) {
        return spec.transport == sip::Transport::tls;
    });
    const bool listens = listener != out.listen.end();
    for (std::string_view name : {"cert", "ca", "client-certificates"})
        if (const RawOption* option = in.find(name); option != nullptr && !why_no_tls().empty())
            in.wrong(*option, option->values.back(), why_no_tls());
    if (listens && !why_no_tls().empty())
        in.say("--listen " + edge::to_text(*listener) + ": " + why_no_tls());
    if (listens && out.tls.certificates.empty())
        in.say("--listen " + edge::to_text(*listener) +
               " wants a certificate: give --cert FILE and --key FILE");
    out.sips_only = in.flag("sips-only");
    if (!listens && out.sips_only)
        in.say("--sips-only would refuse everybody: add --listen tls:HOST:PORT");
    if (!listens && out.tls.client_certificates != edge::ClientCertificates::none)
        in.say("--client-certificates goes with a tls listener: add --listen tls:HOST:PORT");
}

void read_workers(Reader& in, ServeSettings& out) {
    out.workers = in.whole_number("workers", out.workers, sip::WorkerPlace::workers_max);
    if (out.workers == 0) in.wrong(*in.find("workers"), "0", "at least one does the work");
}

void read_users(Reader& in, ServeSettings& out) {
    constexpr std::array<std::string_view, 2> kinds{"digest", "none"};
    out.digest = in.choice("auth", kinds, 0) == 0;
    out.users = in.list("user");
    out.users_file = in.text("users");
    for (const std::string& user : out.users) {
        const auto colon = user.find(':');
        if (colon == std::string::npos || colon == 0 || colon + 1 == user.size())
            in.say(in.find("user")->origin + ": \"" + escape(user.substr(0, colon), 60) +
                   "\": it wants NAME:PASSWORD, neither of them empty");
    }
    if (const RawOption* option = in.find("auth-algorithms")) {
        auto algorithms = parse_algorithms(option->values.back());
        if (!algorithms)
            in.wrong(*option, option->values.back(), algorithms.error());
        else
            out.algorithms = std::move(*algorithms);
    } else {
        out.algorithms = {sip::DigestAlgorithm::md5};
    }
}

void read_composition(Reader& in, ServeSettings& out) {
    constexpr std::array<std::string_view, 2> holds{"view", "watcher"};
    out.hold_per_watcher = in.choice("notify-hold", holds, 0) == 1;
    out.hard_state_folder = in.text("hard-state");
    if (const RawOption* option = in.find("compose"))
        for (const std::string& rule : option->values)
            if (const auto read = read_composition_rule(rule, out.composition); !read)
                in.wrong(*option, rule, read.error());
}

void read_limits(Reader& in, ServeSettings& out) {
    out.notify_interval = in.interval("notify-interval", out.notify_interval);
    out.expires_min_s = in.whole_seconds("min-expires", out.expires_min_s);
    out.expires_max_s = in.whole_seconds("max-expires", out.expires_max_s);
    if (out.expires_min_s > out.expires_max_s) {
        in.say("min-expires " + std::to_string(out.expires_min_s) + " is above max-expires " +
               std::to_string(out.expires_max_s) + ": raise --max-expires or lower --min-expires");
        return;  // there is no default between the two
    }
    out.expires_default_s = std::clamp(out.expires_default_s, out.expires_min_s, out.expires_max_s);
}

void read_rates(Reader& in, ServeSettings& out) {
    out.expires_jitter_percent =
        in.whole_number("expires-jitter", out.expires_jitter_percent, jitter_limit_percent);
    out.rate_source = in.whole_number("rate-source", out.rate_source, rate_limit);
    out.rate_user = in.whole_number("rate-user", out.rate_user, rate_limit);
    out.rate_strangers = in.whole_number("rate-strangers", out.rate_strangers, rate_limit);
    out.limit = in.list("limit");
    for (const std::string& text : out.limit)
        if (const auto set = set_limit(text, out.limits); !set)
            in.wrong(*in.find("limit"), text, set.error());
    const RawOption standard{{"127.0.0.0/8", "::1"}, "--limit-exempt"};
    const RawOption* option = in.find("limit-exempt");
    if (option == nullptr) option = &standard;
    for (const std::string& text : option->values) {
        if (text == "none" && option->values.size() == 1) return;
        if (const auto range = sip::parse_address_range(text))
            out.limit_exempt.push_back(*range);
        else
            in.wrong(*option, text,
                     "it wants a network, as 192.0.2.0/24 or 2001:db8::/32, an address, or none");
    }
    if (out.limit_exempt.size() > sip::AddressRanges::capacity)
        in.say(option->origin + ": too many networks");
}

void read_trust(Reader& in, ServeSettings& out) {
    constexpr std::array<std::string_view, 2> kinds{"strip", "refuse"};
    out.refuse_untrusted_identity = in.choice("untrusted-identity", kinds, 0) == 1;
    out.anonymous = in.flag("anonymous");
    const RawOption* option = in.find("trust");
    if (option == nullptr) return;
    for (std::string text : option->values) {
        if (const auto range = sip::parse_address_range(text)) {
            out.trusted_networks.push_back(*range);
        } else if (is_host(text) && !sip::parse_numeric_host(text)) {
            std::transform(text.begin(), text.end(), text.begin(), sip::to_lower);
            out.trusted_names.push_back(text);
        } else {
            in.wrong(*option, text,
                     "it wants a network, as 192.0.2.0/24, an address, or the name of a "
                     "certificate");
        }
    }
    if (out.trusted_networks.size() > sip::AddressRanges::capacity)
        in.say(option->origin + ": too many networks");
}

/// The canonical address-of-record of a sip, sips or pres URI; empty: it is none.
std::string address_of(std::string_view text) {
    const auto uri = sip::parse_uri(text);
    if (!uri || !uri->has_user || !(uri->is_sip() || uri->scheme == sip::Scheme::pres)) return {};
    std::array<char, 512> room{};
    sip::Appender out(room);
    sip::write_address_of_record(out, *uri);
    return out.overflowed() ? std::string{} : std::string(out.view());
}

void read_rules(Reader& in, ServeSettings& out) {
    out.rules = in.text("rules");
    if (in.has("rules") && out.rules.empty()) in.say("--rules wants the name of a folder");
    while (out.rules.size() > 1 && out.rules.back() == '/') out.rules.pop_back();
    for (const std::string& text : in.list("delegate")) {
        const auto equals = text.find('=');
        const std::string who = address_of(text.substr(0, equals));
        const std::string whom =
            equals == std::string::npos ? std::string{} : address_of(text.substr(equals + 1));
        if (who.empty() || whom.empty())
            in.wrong(*in.find("delegate"), text,
                     "it wants two addresses, as sip:desk@example.com=sip:alice@example.com");
        else
            out.delegates.emplace_back(who, whom);
    }
}

void read_behaviour(Reader& in, ServeSettings& out) {
    constexpr std::array<std::string_view, 4> policies{"allow", "confirm", "polite-block", "block"};
    constexpr std::array<std::string_view, 3> stops{"probation", "deactivate", "keep"};
    constexpr std::array<std::string_view, 4> levels{"error", "warn", "info", "debug"};
    out.policy = static_cast<DefaultPolicy>(in.choice("policy", policies, 1));
    out.strict = in.flag("strict");
    out.rfc3265_compat = in.flag("rfc3265-compat");
    out.gruu = in.flag("gruu");
    constexpr std::array<std::string_view, 3> relays{"none", "local", "authenticated"};
    out.relay = static_cast<RelayMode>(in.choice("relay", relays, 1));
    constexpr std::array<std::string_view, 3> migrations{"never", "capable", "always"};
    out.migrate = static_cast<presence::MigrationMode>(in.choice("migrate", migrations, 1));
    out.learn = in.flag("learn");
    if (out.migrate == presence::MigrationMode::always && out.relay == RelayMode::none)
        in.say(
            "--migrate always with --relay none: nothing would reach the phones; use --relay "
            "local");
    if (out.gruu && out.workers > 1 && out.relay == RelayMode::none)
        in.say(
            "--gruu with --relay none and several workers: a device of another worker's is reached "
            "by its proxy; use --relay local");
    const std::size_t stop = in.choice("on-stop", stops, 0);
    if (stop == 2)
        in.wrong(*in.find("on-stop"), "keep",
                 "it needs durable state, which is not built in yet; use probation or deactivate");
    else
        out.on_stop = static_cast<OnStop>(stop);
    out.log = static_cast<LogLevel>(in.choice("log", levels, 2));
    out.control = in.text("control");
    if (in.has("control") && out.control.empty())
        in.say("--control wants the path of a socket, or none");
    out.trace_file = in.text("trace");
    if (in.has("trace") && out.trace_file.empty()) in.say("--trace wants the name of a file");
}

void check_together(Reader& in, ServeSettings& out) {
    const bool anywhere = in.flag("auth-none-anywhere");
    if (out.digest && out.users.empty() && out.users_file.empty())
        in.say(
            "there are no users: nobody could prove who they are; give --user NAME:PASSWORD or "
            "--users FILE, or --auth none to believe everybody on loopback");
    for (const auto& spec : out.listen) {
        if (!out.digest && !anywhere && !spec.address.is_loopback())
            in.say("--auth none with --listen " + edge::to_text(spec) +
                   " would let the whole network in under any name; listen on 127.0.0.1 or ::1, "
                   "use --auth digest, or add --auth-none-anywhere");
        if (!out.digest && out.relay == RelayMode::authenticated && !spec.address.is_loopback())
            in.say("--relay authenticated with --auth none and --listen " + edge::to_text(spec) +
                   " would be an open relay; use --auth digest or --relay local");
        if (spec.transport != sip::Transport::udp) continue;
        const bool has_tcp = std::any_of(out.listen.begin(), out.listen.end(), [&](const auto& o) {
            return o.transport == sip::Transport::tcp && o.port == spec.port &&
                   (o.address == spec.address || o.address.is_unspecified());
        });
        if (!has_tcp)
            out.warnings.push_back(
                edge::to_text(spec) +
                " has no tcp listener on its host and port: large requests will not get through "
                "(RFC 3261 18.2.1); add --listen tcp:" +
                edge::to_text(spec).substr(4));
    }
    if (!out.digest)
        out.warnings.push_back(
            "--auth none: NOBODY IS ASKED FOR A PASSWORD; whoever reaches this server is whoever "
            "they say they are");
    if (!out.digest && !(out.users.empty() && out.users_file.empty()))
        out.warnings.push_back("--auth none: --user and --users are not looked at");
}

}  // namespace

Outcome<ServeSettings> read_serve_settings(const RawOptions& command_line) {
    RawOptions options = command_line;
    if (const auto config = command_line.find("config"); config != command_line.end()) {
        const std::string& path = config->second.values.back();
        const auto text = read_file(path);
        if (!text) return failure("--config: " + text.error());
        auto file = read_config(*text, path, serve_option_specs());
        if (!file) return failure(file.error());
        options.merge(*file);
    }
    Reader in(options);
    ServeSettings out;
    refuse_not_built_in(in);
    read_listeners(in, out);
    read_workers(in, out);
    read_hosts(in, out);
    read_name_servers(in, out);
    read_tls(in, out);
    read_users(in, out);
    read_composition(in, out);
    read_limits(in, out);
    read_rates(in, out);
    read_trust(in, out);
    read_rules(in, out);
    read_behaviour(in, out);
    if (in.error().empty()) check_together(in, out);
    if (!in.error().empty()) return failure(in.error());
    return out;
}

Outcome<UserTable> load_users(const ServeSettings& settings, std::vector<std::string>& warnings) {
    UserTable table;
    if (!settings.digest) return table;
    if (!settings.users_file.empty()) {
        const auto file = UserFile::read(settings.users_file);
        if (!file) return failure("--users: " + file.error());
        for (const User& user : file->users()) table.put(user);
        if (is_readable_by_others(settings.users_file))
            warnings.push_back("--users " + settings.users_file +
                               " may be read by others, and its hashes are as good as passwords; "
                               "chmod 600 it");
        if (table.empty())
            warnings.push_back("--users " + settings.users_file +
                               " has no users yet; `vigil user add` adds them");
    }
    constexpr std::array all{sip::DigestAlgorithm::md5, sip::DigestAlgorithm::sha256,
                             sip::DigestAlgorithm::sha512_256};
    for (const std::string& given : settings.users) {
        const auto colon = given.find(':');
        table.put(make_user(given.substr(0, colon), settings.domains.front(),
                            given.substr(colon + 1), all));
    }
    for (const std::string& realm : table.realms())
        if (std::find(settings.domains.begin(), settings.domains.end(), realm) ==
            settings.domains.end())
            warnings.push_back("--users has users of " + escape(realm, 60) +
                               ", which is no --domain: they cannot log in");
    for (auto algorithm : settings.algorithms)
        if (table.lacks(algorithm))
            warnings.push_back("some users have no hash for " +
                               std::string(sip::name_of(algorithm)) +
                               ", which --auth-algorithms offers; set their passwords again");
    return table;
}

std::string needs_restart(const ServeSettings& running, const ServeSettings& wanted) {
    const auto same_listeners = [&] {
        return std::equal(running.listen.begin(), running.listen.end(), wanted.listen.begin(),
                          wanted.listen.end(), [](const auto& a, const auto& b) {
                              return edge::to_text(a) == edge::to_text(b);
                          });
    };
    if (!same_listeners()) return "listen";
    if (running.advertise != wanted.advertise) return "advertise";
    if (running.workers != wanted.workers) return "workers";
    if (running.domains != wanted.domains) return "domain";
    if (running.digest != wanted.digest) return "auth";
    if (running.algorithms != wanted.algorithms) return "auth-algorithms";
    if (running.policy != wanted.policy) return "policy";
    if (running.rules != wanted.rules) return "rules";
    if (running.delegates != wanted.delegates) return "delegate";
    if (running.notify_interval != wanted.notify_interval) return "notify-interval";
    if (running.hold_per_watcher != wanted.hold_per_watcher) return "notify-hold";
    if (running.composition != wanted.composition) return "compose";
    if (running.strict != wanted.strict) return "strict";
    if (running.dns != wanted.dns) return "dns";
    if (running.sips_only != wanted.sips_only) return "sips-only";
    if (running.gruu != wanted.gruu) return "gruu";
    if (running.rfc3265_compat != wanted.rfc3265_compat) return "rfc3265-compat";
    if (running.relay != wanted.relay) return "relay";
    if (running.migrate != wanted.migrate) return "migrate";
    if (running.learn != wanted.learn) return "learn";
    if (running.expires_min_s != wanted.expires_min_s) return "min-expires";
    if (running.expires_max_s != wanted.expires_max_s) return "max-expires";
    if (running.expires_jitter_percent != wanted.expires_jitter_percent) return "expires-jitter";
    if (running.rate_source != wanted.rate_source) return "rate-source";
    if (running.rate_user != wanted.rate_user) return "rate-user";
    if (running.rate_strangers != wanted.rate_strangers) return "rate-strangers";
    if (running.limit_exempt != wanted.limit_exempt) return "limit-exempt";
    if (running.limit != wanted.limit) return "limit";
    if (running.trusted_networks != wanted.trusted_networks ||
        running.trusted_names != wanted.trusted_names)
        return "trust";
    if (running.refuse_untrusted_identity != wanted.refuse_untrusted_identity)
        return "untrusted-identity";
    if (running.anonymous != wanted.anonymous) return "anonymous";
    if (running.trace_file != wanted.trace_file) return "trace";
    if (running.control != wanted.control) return "control";
    return {};
}

}  // namespace vigil
