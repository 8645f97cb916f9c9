#include "apps/vigil/serve_settings.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "tests/apps/vigil/temporary_folder.hpp"

using namespace vigil;

namespace {

RawOptions options(std::initializer_list<std::pair<std::string, std::vector<std::string>>> given) {
    RawOptions out;
    for (const auto& [name, values] : given) out[name] = {values, "--" + name};
    return out;
}
std::string error_of(const RawOptions& given) {
    const auto settings = read_serve_settings(given);
    REQUIRE_FALSE(settings);
    return settings.error();
}
bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}
bool any_has(const std::vector<std::string>& lines, std::string_view part) {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return has(line, part); });
}
const std::pair<std::string, std::vector<std::string>> alice{"user", {"alice:wonderland"}};

}  // namespace

TEST_CASE("The defaults are those of the interface") {
    const auto settings = read_serve_settings(options({alice}));
    REQUIRE(settings);
    REQUIRE(settings->listen.size() == 2);
    CHECK(edge::to_text(settings->listen[0]) == "udp:127.0.0.1:5060");
    CHECK(edge::to_text(settings->listen[1]) == "tcp:127.0.0.1:5060");
    CHECK(settings->domains == std::vector<std::string>{"localhost"});
    CHECK(settings->digest);
    CHECK(settings->policy == DefaultPolicy::confirm);
    CHECK(settings->notify_interval == sip::seconds{5});
    CHECK(settings->expires_min_s == 60);
    CHECK(settings->expires_max_s == 7200);
    CHECK(settings->expires_default_s == 3600);
    CHECK(settings->algorithms == std::vector<sip::DigestAlgorithm>{sip::DigestAlgorithm::md5});
    CHECK(settings->on_stop == OnStop::probation);
    CHECK(settings->log == LogLevel::info);
    CHECK_FALSE(settings->strict);
    CHECK_FALSE(settings->rfc3265_compat);
    CHECK(settings->relay == RelayMode::local);
    CHECK(settings->migrate == presence::MigrationMode::capable);
    CHECK(settings->warnings.empty());
    CHECK(settings->expires_jitter_percent == 10);
    CHECK(settings->rate_source == 500);
    CHECK(settings->rate_user == 200);
    CHECK(settings->rate_strangers == 2000);
    REQUIRE(settings->limit_exempt.size() == 2);
    CHECK(settings->limit_exempt[0] == *sip::parse_address_range("127.0.0.0/8"));
    CHECK(settings->limit_exempt[1] == *sip::parse_address_range("::1"));
    CHECK(settings->trusted_networks.empty());
    CHECK(settings->trusted_names.empty());
    CHECK_FALSE((settings->refuse_untrusted_identity || settings->anonymous));
}

TEST_CASE("T-14 T-16: rates, exempt networks and trusted peers are set, from a file too") {
    const auto settings = read_serve_settings(
        options({alice,
                 {"expires-jitter", {"0"}},
                 {"rate-source", {"0"}},
                 {"rate-user", {"1000000"}},
                 {"rate-strangers", {"7"}},
                 {"limit-exempt", {"192.0.2.0/24", "2001:db8::1"}},
                 {"trust", {"198.51.100.7", "Proxy.Example.com", "2001:db8::/32"}},
                 {"untrusted-identity", {"refuse"}},
                 {"anonymous", {"true"}}}));
    REQUIRE(settings);
    CHECK(settings->expires_jitter_percent == 0);
    CHECK(settings->rate_source == 0);
    CHECK(settings->rate_user == 1'000'000);
    CHECK(settings->rate_strangers == 7);
    REQUIRE(settings->limit_exempt.size() == 2);
    CHECK(settings->limit_exempt[0].bits == 120);
    CHECK(settings->trusted_networks.size() == 2);
    CHECK(settings->trusted_names == std::vector<std::string>{"proxy.example.com"});
    CHECK((settings->refuse_untrusted_identity && settings->anonymous));
    const auto none = read_serve_settings(options({alice, {"limit-exempt", {"none"}}}));
    REQUIRE(none);
    CHECK(none->limit_exempt.empty());
    for (const auto* value : {"-1", "x", "", "1.5", "1000001"})
        for (const auto* name : {"rate-source", "rate-user", "rate-strangers"})
            CHECK(has(error_of(options({alice, {name, {value}}})), "--" + std::string(name)));
    CHECK(has(error_of(options({alice, {"expires-jitter", {"51"}}})), "from 0 to 50"));
    for (const auto* value : {"192.0.2.1/24", "x", "", "10.0.0.0/33", "example.com"})
        CHECK(has(error_of(options({alice, {"limit-exempt", {value}}})), "--limit-exempt"));
    CHECK(has(error_of(options({alice, {"limit-exempt", {"none", "10.0.0.0/8"}}})), "none"));
    for (const auto* value : {"192.0.2.1/24", "a b", "", "sip:x", "[::1]"})
        CHECK(has(error_of(options({alice, {"trust", {value}}})), "--trust"));
    CHECK(has(error_of(options({alice, {"untrusted-identity", {"allow"}}})), "strip or refuse"));
    CHECK(
        has(error_of(options({alice, {"limit-exempt", std::vector<std::string>(65, "10.0.0.1")}})),
            "too many networks"));
    TemporaryFolder folder;
    const std::string file = folder.path("c.toml");
    std::ofstream(file)
        << "rate-source = 9\nlimit-exempt = [\"10.0.0.0/8\"]\ntrust = \"p.example\"\n"
           "anonymous = true\nexpires-jitter = 3\n";
    const auto read = read_serve_settings(options({alice, {"config", {file}}}));
    REQUIRE(read);
    CHECK(read->rate_source == 9);
    CHECK(read->limit_exempt.size() == 1);
    CHECK(read->trusted_names.size() == 1);
    CHECK((read->anonymous && read->expires_jitter_percent == 3));
    CHECK(needs_restart(*settings, *read) == "expires-jitter");
}

TEST_CASE("Every option takes effect") {
    const auto settings = read_serve_settings(options({alice,
                                                       {"listen", {"udp:[::1]:0", "tcp:[::1]:0"}},
                                                       {"domain", {"Example.COM", "b.org"}},
                                                       {"advertise", {"sip.example.com"}},
                                                       {"policy", {"polite-block"}},
                                                       {"notify-interval", {"0"}},
                                                       {"notify-hold", {"watcher"}},
                                                       {"hard-state", {"standing"}},
                                                       {"compose", {"persons=source"}},
                                                       {"strict", {"true"}},
                                                       {"rfc3265-compat", {"true"}},
                                                       {"relay", {"authenticated"}},
                                                       {"migrate", {"always"}},
                                                       {"min-expires", {"1"}},
                                                       {"max-expires", {"600"}},
                                                       {"auth-algorithms", {"MD5,SHA-256"}},
                                                       {"on-stop", {"deactivate"}},
                                                       {"state", {":memory:"}},
                                                       {"log", {"debug"}},
                                                       {"trace", {"t.pcap"}}}));
    REQUIRE(settings);
    CHECK(edge::to_text(settings->listen[0]) == "udp:[::1]:0");
    CHECK(settings->domains == std::vector<std::string>{"example.com", "b.org"});
    CHECK(settings->advertise == "sip.example.com");
    CHECK(settings->policy == DefaultPolicy::polite_block);
    CHECK(settings->notify_interval == sip::Duration{});
    CHECK(settings->hold_per_watcher);
    CHECK(settings->hard_state_folder == "standing");
    CHECK(settings->composition.persons == presence::PersonRule::source);
    CHECK((settings->strict && settings->rfc3265_compat));
    CHECK(settings->relay == RelayMode::authenticated);
    CHECK(settings->migrate == presence::MigrationMode::always);
    CHECK(settings->expires_min_s == 1);
    CHECK(settings->expires_max_s == 600);
    CHECK(settings->expires_default_s == 600);
    CHECK(settings->algorithms.size() == 2);
    CHECK(settings->on_stop == OnStop::deactivate);
    CHECK(settings->log == LogLevel::debug);
    CHECK(settings->trace_file == "t.pcap");
}

TEST_CASE("A wrong value is named with its option and the fix") {
    CHECK(has(error_of(options({alice, {"policy", {"x"}}})),
              "--policy \"x\": use allow, confirm, polite-block or block"));
    CHECK(has(error_of(options({alice, {"auth", {"basic"}}})), "use digest or none"));
    CHECK(has(error_of(options({alice, {"relay", {"all"}}})), "none, local or authenticated"));
    CHECK(has(error_of(options({alice, {"migrate", {"all"}}})), "never, capable or always"));
    CHECK(has(error_of(options({alice, {"migrate", {"always"}}, {"relay", {"none"}}})),
              "use --relay local"));
    CHECK(has(error_of(options({alice, {"log", {"trace"}}})), "--log \"trace\""));
    CHECK(has(error_of(options({alice, {"listen", {"udp:127.0.0.1:65536"}}})), "65535"));
    CHECK(has(error_of(options({alice, {"listen", {"127.0.0.1"}}})), "--listen"));
    CHECK(has(error_of(options({alice, {"domain", {"a b"}}})), "--domain \"a b\""));
    CHECK(has(error_of(options({alice, {"advertise", {"a:b:c"}}})), "--advertise"));
    for (const auto* value : {"0", "-1", "x", "", "1.5", "31536001"})
        CHECK(has(error_of(options({alice, {"min-expires", {value}}})), "--min-expires"));
    for (const auto* value : {"-1", "x", "", "nan", "1e9", "5 "})
        CHECK(has(error_of(options({alice, {"notify-interval", {value}}})), "--notify-interval"));
    CHECK(has(error_of(options({alice, {"min-expires", {"61"}}, {"max-expires", {"60"}}})),
              "min-expires 61 is above max-expires 60"));
    CHECK(has(error_of(options({alice, {"auth-algorithms", {"MD5,SHA1"}}})), "SHA1"));
    CHECK(has(error_of(options({alice, {"auth-algorithms", {"MD5,MD5"}}})), "twice"));
    CHECK(has(error_of(options({{"user", {"alice"}}})), "NAME:PASSWORD"));
    CHECK(has(error_of(options({{"user", {":p"}}})), "NAME:PASSWORD"));
    // Never the password itself.
    CHECK_FALSE(has(error_of(options({{"user", {":secret"}}})), "secret"));
    CHECK(read_serve_settings(options({alice, {"min-expires", {"60"}}, {"max-expires", {"60"}}})));
}

TEST_CASE("What is not built in yet says so") {
    for (const auto* listener : {"ws:127.0.0.1:80", "wss:127.0.0.1:443"})
        CHECK(has(error_of(options({alice, {"listen", {listener}}})), "not built in yet"));
    CHECK(has(error_of(options({alice, {"http", {"127.0.0.1:80"}}})), "not built in yet"));
    CHECK(has(error_of(options({alice, {"state", {"vigil.db"}}})), "not built in yet"));
    CHECK(has(error_of(options({alice, {"on-stop", {"keep"}}})), "not built in yet"));
}

TEST_CASE("Digest without users is refused, and says why") {
    CHECK(has(error_of({}), "there are no users"));
    CHECK(read_serve_settings(options({{"users", {"f"}}})));
}

TEST_CASE("Authentication is left out on loopback alone, loudly") {
    const auto settings = read_serve_settings(options({{"auth", {"none"}}}));
    REQUIRE(settings);
    CHECK(any_has(settings->warnings, "NOBODY IS ASKED FOR A PASSWORD"));
    for (const auto* listener : {"udp:0.0.0.0:0", "tcp:192.0.2.1:5060", "tcp:[::]:0"}) {
        const auto given = options({{"auth", {"none"}}, {"listen", {listener}}});
        CHECK(has(error_of(given), "--auth-none-anywhere"));
        auto anywhere = given;
        anywhere["auth-none-anywhere"] = {{"true"}, "--auth-none-anywhere"};
        CHECK(read_serve_settings(anywhere));
    }
    CHECK(read_serve_settings(options({{"auth", {"none"}}, {"listen", {"udp:127.9.9.9:0"}}})));
    CHECK(read_serve_settings(options({{"auth", {"none"}}, {"listen", {"udp:[::1]:0"}}})));
}

TEST_CASE("R3261-18.2.1-1: udp without tcp on its port warns") {
    const auto warned = [](std::vector<std::string> listeners) {
        const auto settings = read_serve_settings(options({alice, {"listen", listeners}}));
        REQUIRE(settings);
        return any_has(settings->warnings, "18.2.1");
    };
    CHECK(warned({"udp:127.0.0.1:5060"}));
    CHECK(warned({"udp:127.0.0.1:5060", "tcp:127.0.0.1:5061"}));
    CHECK(warned({"udp:127.0.0.1:5060", "tcp:[::1]:5060"}));
    CHECK_FALSE(warned({"tcp:127.0.0.1:5060"}));
    CHECK_FALSE(warned({"udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"}));
}

TEST_CASE("The command line wins over the configuration file") {
    const TemporaryFolder folder;
    const auto path =
        folder.file("c.toml", "policy = \"block\"\nuser = \"a:b\"\nmin-expires = 5\n");
    auto given = options({{"config", {path}}, {"policy", {"allow"}}});
    const auto settings = read_serve_settings(given);
    REQUIRE(settings);
    CHECK(settings->policy == DefaultPolicy::allow);
    CHECK(settings->expires_min_s == 5);
    folder.file("c.toml", "policy = \"none\"\nuser = \"a:b\"\n");
    given.erase("policy");
    CHECK(has(error_of(given), "c.toml:1: policy \"none\": use allow"));
    given["config"].values = {path + ".absent"};
    CHECK(has(error_of(given), "--config: cannot read"));
}

TEST_CASE("Users come from the command line and the file") {
    const TemporaryFolder folder;
    const auto path =
        folder.file("users", "bob localhost MD5:" + std::string(32, 'a') +
                                 "\ncarol example.com MD5:" + std::string(32, 'b') + "\n");
    const auto settings =
        read_serve_settings(options({alice, {"users", {path}}, {"auth-algorithms", {"SHA-256"}}}));
    REQUIRE(settings);
    std::vector<std::string> warnings;
    const auto users = load_users(*settings, warnings);
    REQUIRE(users);
    CHECK(users->size() == 3);
    sip::Ha1 found;
    CHECK(users->find("alice", "localhost", sip::DigestAlgorithm::sha256, found));
    CHECK(users->find("bob", "localhost", sip::DigestAlgorithm::md5, found));
    CHECK_FALSE(users->find("bob", "localhost", sip::DigestAlgorithm::sha256, found));
    CHECK(any_has(warnings, "example.com, which is no --domain"));
    CHECK(any_has(warnings, "SHA-256"));
}

TEST_CASE("A user file that is absent or wrong is an error that names it") {
    const TemporaryFolder folder;
    std::vector<std::string> warnings;
    auto settings = read_serve_settings(options({{"users", {folder.path("absent")}}}));
    REQUIRE(settings);
    CHECK(has(load_users(*settings, warnings).error(), "absent"));
    settings = read_serve_settings(options({{"users", {folder.file("u", "a b\n")}}}));
    REQUIRE(settings);
    CHECK(has(load_users(*settings, warnings).error(), "u:1: "));
}

TEST_CASE("What a running server cannot change is named") {
    const auto running = read_serve_settings(options({alice}));
    REQUIRE(running);
    auto wanted = *running;
    wanted.log = LogLevel::debug;
    wanted.users = {"bob:x"};
    CHECK(needs_restart(*running, wanted).empty());
    wanted.policy = DefaultPolicy::allow;
    CHECK(needs_restart(*running, wanted) == "policy");
    wanted = *running;
    wanted.listen.pop_back();
    CHECK(needs_restart(*running, wanted) == "listen");
}

TEST_CASE("Every rule of composition can be chosen, and the first choice is the default") {
    const auto composed = [](const std::vector<std::string>& rules) {
        return read_serve_settings(options({alice, {"compose", rules}})).value().composition;
    };
    const presence::CompositionPolicy standard;
    CHECK(read_serve_settings(options({alice})).value().composition == standard);
    CHECK(composed({"persons=newest", "services=device", "registrations=beside",
                    "hard-state=fallback", "contacts=address", "capabilities=show"}) == standard);
    const auto other =
        composed({"persons=source", "services=all", "registrations=never", "hard-state=beside",
                  "contacts=device", "capabilities=hide", "services=id"});
    CHECK(other.persons == presence::PersonRule::source);
    CHECK(other.services == presence::ServiceRule::id);
    CHECK(other.registrations == presence::RegistrationRule::never);
    CHECK(other.hard == presence::HardRule::beside);
    CHECK(other.contacts == presence::TupleContact::device);
    CHECK_FALSE(other.capabilities);
    CHECK(composed({"services=contact"}).services == presence::ServiceRule::contact);
    CHECK(composed({"registrations=fallback"}).registrations ==
          presence::RegistrationRule::fallback);
    CHECK(has(error_of(options({alice, {"compose", {"services=x"}}})),
              "--compose \"services=x\": use services=device|contact|id|all"));
    for (const char* value : {"services", "x=y", "", "=", "services=", "services=device|contact"})
        CHECK(has(error_of(options({alice, {"compose", {"persons=source", value}}})), "--compose"));
    CHECK(has(error_of(options({alice, {"notify-hold", {"x"}}})), "use view or watcher"));
    const auto running = read_serve_settings(options({alice}));
    CHECK(needs_restart(*running, *read_serve_settings(options(
                                      {alice, {"compose", {"services=id"}}}))) == "compose");
    CHECK(needs_restart(*running, *read_serve_settings(options(
                                      {alice, {"notify-hold", {"watcher"}}}))) == "notify-hold");
}

TEST_CASE("Bounds are set by their names, a wrong one is told, and another one wants a restart") {
    const auto plain = read_serve_settings(options({alice}));
    const auto raised =
        read_serve_settings(options({alice, {"limit", {"subscriptions=200000", "flows=9"}}}));
    REQUIRE(raised);
    CHECK(raised->limits.subscriptions == 200'000);
    CHECK(raised->limits.flows == 9);
    CHECK(raised->limits.publications == sip::Limits{}.publications);
    CHECK(needs_restart(*plain, *raised) == "limit");
    const std::string error = error_of(options({alice, {"limit", {"flows=9", "flow=1"}}}));
    CHECK(has(error, "--limit \"flow=1\": "));
    CHECK(has(error, "did you mean flows?"));
}
