#include "apps/vigil/serve_options.hpp"

#include <array>

namespace vigil {

namespace {

using enum OptionKind;

constexpr std::array specs{
    OptionSpec{"config", text, "FILE",
               "TOML file with the same names as these options; the command line wins", false},
    OptionSpec{"listen", list, "TRANSPORT:HOST:PORT",
               "udp:127.0.0.1:5060, tls:[::1]:5061; port 0 picks a free one; repeatable (default: "
               "udp and tcp on 127.0.0.1:5060)"},
    OptionSpec{"workers", number, "N",
               "threads that share the work, one for each core (default: 1)"},
    OptionSpec{"advertise", text, "HOST", "the host in our Via and Contact"},
    OptionSpec{"domain", list, "DOMAIN",
               "a domain that this server is responsible for; repeatable (default: localhost)"},
    OptionSpec{"user", list, "NAME:PASSWORD",
               "a digest user in the first domain, for trying out; repeatable"},
    OptionSpec{"users", text, "FILE", "user file, as `vigil user` edits it"},
    OptionSpec{"auth", text, "digest|none",
               "how identities are proved (default: digest); none believes the From, on loopback "
               "alone"},
    OptionSpec{"auth-none-anywhere", flag, "", "let --auth none listen off loopback"},
    OptionSpec{"policy", text, "allow|confirm|polite-block|block",
               "for a presentity without rules (default: confirm)"},
    OptionSpec{"rules", text, "DIR",
               "folder of rule documents (RFC 5025), one a presentity: alice@example.com.xml, and "
               "default.xml for those without; changes take effect at once"},
    OptionSpec{"delegate", list, "USER=URI",
               "that user may publish for the other address, too: "
               "sip:desk@example.com=sip:alice@example.com; repeatable"},
    OptionSpec{"notify-interval", number, "SECONDS",
               "at most one change NOTIFY in this time (default: 5; 0: no hold)"},
    OptionSpec{"notify-hold", text, "view|watcher",
               "whom that is for: all who see the same document, or each watcher (default: view)"},
    OptionSpec{"compose", list, "RULE=CHOICE",
               "how what is known of a presentity becomes one document: persons=newest|source, "
               "services=device|contact|id|all, registrations=beside|fallback|never, "
               "hard-state=fallback|beside, contacts=address|device, capabilities=show|hide; "
               "repeatable (default: the first of each)"},
    OptionSpec{"hard-state", text, "DIR",
               "documents that hold for whom nobody says anything, USER@DOMAIN.xml"},
    OptionSpec{"strict", flag, "", "turn off every leniency that real clients need"},
    OptionSpec{"rfc3265-compat", flag, "", "answer 202 to a pending subscription"},
    OptionSpec{"relay", text, "none|local|authenticated",
               "what is carried on: nothing, to contacts registered here, or for users of ours to "
               "anywhere (default: local)"},
    OptionSpec{
        "migrate", text, "never|capable|always",
        "whether phones that are presence agents answer their watchers themselves: those that "
        "say so, or tried without (default: capable)"},
    OptionSpec{"learn", flag, "",
               "subscribe to phones that are presence agents, where they do not answer their "
               "watchers themselves"},
    OptionSpec{"min-expires", number, "SECONDS", "423 below it (default: 60)"},
    OptionSpec{"max-expires", number, "SECONDS", "cut to it above it (default: 7200)"},
    OptionSpec{"expires-jitter", number, "PERCENT",
               "what is granted is shortened by up to so much, by chance (default: 10; 0: never)"},
    OptionSpec{"rate-source", number, "N",
               "messages a second from one address, and ten times as many once somebody has logged "
               "in from there (default: 500; 0: no bound)"},
    OptionSpec{"rate-user", number, "N",
               "requests a second of one user (default: 200; 0: no bound)"},
    OptionSpec{"rate-strangers", number, "N",
               "requests a second of all together who have not logged in (default: 2000; 0: no "
               "bound)"},
    OptionSpec{"limit-exempt", list, "CIDR|none",
               "a network that rates, bounds by address and the shortening are not for; repeatable "
               "(default: 127.0.0.0/8 and ::1)"},
    OptionSpec{"limit", list, "NAME=N",
               "another bound of what the server holds, as subscriptions=200000 or "
               "memory_bytes=2000000000; repeatable"},
    OptionSpec{"trust", list, "CIDR|NAME",
               "a peer whose P-Asserted-Identity is believed, by its network or by the name of its "
               "certificate; repeatable"},
    OptionSpec{"untrusted-identity", text, "strip|refuse",
               "what becomes of that field from others (default: strip)"},
    OptionSpec{"anonymous", flag, "",
               "let strangers watch as \"anonymous\", who see what the policy shows to nobody in "
               "particular"},
    OptionSpec{"auth-algorithms", text, "MD5[,SHA-256]",
               "what is offered, in this order (default: MD5)"},
    OptionSpec{"state", text, "PATH|:memory:",
               "where state is kept (default: :memory:, and no other is built in yet)"},
    OptionSpec{"control", text, "PATH|none",
               "local socket for `vigil show` and `vigil explain`, for its owner alone (default: "
               "named by the first listener, in the user's runtime folder)"},
    OptionSpec{"http", text, "HOST:PORT", "dashboard, metrics, API (not built in yet)"},
    OptionSpec{"dns", list, "ADDRESS[:PORT]",
               "name server to ask; repeatable (default: those of the system)"},
    OptionSpec{"cert", list, "FILE",
               "PEM certificate for tls, its issuers behind it; repeatable, chosen by the name a "
               "client asks for"},
    OptionSpec{"key", list, "FILE", "its private key; one for each --cert, in the same order"},
    OptionSpec{"ca", text, "FILE",
               "PEM file of the authorities that TLS peers are to be certified by (default: the "
               "system's)"},
    OptionSpec{
        "gruu", flag, "",
        "give GRUUs to phones that ask (RFC 5627); widely used ones make one their Contact at "
        "once"},
    OptionSpec{"sips-only", flag, "", "refuse requests to sip: URIs (480); sips: alone is served"},
    OptionSpec{"client-certificates", text, "none|ask|require",
               "whether who connects by tls is to show a certificate (default: none)"},
    OptionSpec{"on-stop", text, "probation|deactivate|keep",
               "what watchers are told at the end (default: probation)"},
    OptionSpec{"log", text, "error|warn|info|debug",
               "what is told on standard error (default: info)"},
    OptionSpec{"trace", text, "FILE.pcap",
               "write every message to this file, whole, with credentials and bodies"},
};

}  // namespace

std::span<const OptionSpec> serve_option_specs() { return specs; }

}  // namespace vigil
