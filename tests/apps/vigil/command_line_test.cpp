#include "apps/vigil/command_line.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

using namespace vigil;

namespace {

Command read(std::initializer_list<const char*> arguments) {
    return read_command_line(std::vector<const char*>(arguments));
}
template <class Options>
Options read_as(std::initializer_list<const char*> arguments) {
    const Command command = read(arguments);
    if (const auto* say = std::get_if<Say>(&command)) INFO(say->text);
    REQUIRE(std::holds_alternative<Options>(command));
    return std::get<Options>(command);
}
/// What is said to a wrong command line.
std::string complaint(std::initializer_list<const char*> arguments) {
    const Say say = read_as<Say>(arguments);
    CHECK(say.code == ExitCode::wrong_usage);
    CHECK(say.text.find('\n') == std::string::npos);
    return say.text;
}
bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("Every option of serve is read, with where it came from") {
    const auto serve = read_as<ServeOptions>(
        {"serve", "--listen", "udp:127.0.0.1:0", "--listen=tcp:127.0.0.1:0", "--strict", "--user",
         "a:b", "--user", "c:d", "--policy", "allow", "--notify-interval", "0.5"});
    CHECK(serve.given.size() == 5);
    CHECK(serve.given.at("listen").values ==
          std::vector<std::string>{"udp:127.0.0.1:0", "tcp:127.0.0.1:0"});
    CHECK(serve.given.at("listen").origin == "--listen");
    CHECK(serve.given.at("user").values == std::vector<std::string>{"a:b", "c:d"});
    CHECK(serve.given.at("strict").values == std::vector<std::string>{"true"});
    CHECK(serve.given.at("notify-interval").values == std::vector<std::string>{"0.5"});
}

TEST_CASE("watch takes several URIs and the client options") {
    const auto watch =
        read_as<WatchOptions>({"watch", "sip:a@h", "sip:b@h", "--server", "tcp:[::1]:5070", "--as",
                               "sip:c@h", "--password-env", "P", "--expires", "600", "--count", "3",
                               "--timeout", "1.5", "--json", "--raw", "--once"});
    CHECK(watch.uris == std::vector<std::string>{"sip:a@h", "sip:b@h"});
    CHECK(watch.client.server == "tcp:[::1]:5070");
    CHECK(watch.client.as == "sip:c@h");
    CHECK(watch.client.password_env == "P");
    CHECK(watch.client.expires_s == 600U);
    CHECK(watch.client.timeout_s == 1.5);
    CHECK(watch.count == 3U);
    CHECK((watch.client.json && watch.raw && watch.once));
    CHECK(watch.event == "presence");
}

TEST_CASE("watchers is watch with the event of watcher information") {
    const auto watchers = read_as<WatchOptions>({"watchers", "sip:a@h", "--once", "--json"});
    CHECK(watchers.uris == std::vector<std::string>{"sip:a@h"});
    CHECK(watchers.event == "presence.winfo");
    CHECK(watchers.command == "watchers");
    CHECK((watchers.once && watchers.client.json));
    CHECK(read_as<WatchOptions>({"watch", "sip:a@h", "--event", "presence.winfo"}).event ==
          "presence.winfo");
    CHECK(has(complaint({"watchers"}), "vigil watchers: URI is required"));
}

TEST_CASE("publish, register, parse and user are read") {
    const auto publish = read_as<PublishOptions>({"publish", "sip:a@h", "--status", "open",
                                                  "--activity", "away", "--note", "Out", "--once"});
    CHECK(publish.uri == "sip:a@h");
    CHECK(publish.status == "open");
    CHECK(publish.activity == "away");
    CHECK(publish.note == "Out");
    CHECK(publish.once);
    CHECK_FALSE(publish.contact);
    CHECK(read_as<PublishOptions>({"publish", "sip:a@h", "--remove", "x"}).remove == "x");
    CHECK(read_as<RegisterOptions>({"register", "sip:a@h", "--contact", "sip:a@1.2.3.4"}).contact ==
          "sip:a@1.2.3.4");
    const auto edge = read_as<EdgeOptions>({"edge", "sip:a@h", "--listen", "udp:127.0.0.1:0",
                                            "--listen", "tcp:127.0.0.1:0", "--trust", "none"});
    CHECK(edge.client.listen.size() == 2);
    CHECK(edge.trust == std::vector<std::string>{"none"});
    CHECK(edge.watch_expires_s == 600);
    CHECK(read_as<ParseOptions>({"parse"}).file == "-");
    CHECK(read_as<ParseOptions>({"parse", "f", "--json"}).json);
    const auto check = read_as<RulesOptions>({"rules", "check", "f", "--json"});
    CHECK((check.action == RulesAction::check && check.file == "f" && check.json));
    const auto test =
        read_as<RulesOptions>({"rules", "test", "f", "--as", "sip:a@h", "--as", "tel:+1", "--at",
                               "T", "--sphere", "work", "--document", "d"});
    CHECK(test.action == RulesAction::test);
    CHECK(test.as == std::vector<std::string>{"sip:a@h", "tel:+1"});
    CHECK(test.at == "T");
    CHECK(test.sphere == "work");
    CHECK(test.document == "d");
    CHECK(read_as<RulesOptions>({"rules", "test", "f", "--anonymous"}).anonymous);
    const auto user = read_as<UserOptions>({"user", "add", "--users", "f", "a", "--realm", "r"});
    CHECK(user.action == UserAction::add);
    CHECK(user.users == "f");
    CHECK(user.name == "a");
    CHECK(user.realm == "r");
    CHECK(read_as<UserOptions>({"user", "check", "--users", "f"}).action == UserAction::check);
}

TEST_CASE("What is wrong is named, with the fix, in one line") {
    CHECK(has(complaint({}), "a command is missing; see vigil --help"));
    CHECK(has(complaint({"srve"}), "no such command: srve, did you mean serve?"));
    CHECK(has(complaint({"--bogus"}), "no such option: --bogus"));
    CHECK(has(complaint({"serve", "--lisen", "x"}), "--lisen, did you mean --listen?"));
    CHECK(has(complaint({"serve", "--listen"}), "--listen"));
    CHECK(has(complaint({"serve", "stray"}), "stray"));
    CHECK(has(complaint({"watch"}), "URI is required"));
    CHECK(has(complaint({"watch", "sip:a@h", "--count", "x"}), "--count = x is not a number"));
    CHECK(has(complaint({"watch", "sip:a@h", "--count", "-1"}), "--count"));
    CHECK(has(complaint({"watch", "sip:a@h", "--password", "p", "--password-env", "P"}),
              "--password"));
    CHECK(has(complaint({"publish", "sip:a@h", "--status", "open", "--body", "f"}), "--body"));
    CHECK(has(complaint({"publish", "sip:a@h", "--note", "n", "--remove", "e"}), "--remove"));
    CHECK(has(complaint({"publish", "sip:a@h"}), "say what to publish"));
    CHECK(has(complaint({"publish", "sip:a@h", "--status", "opn"}), "use open or closed"));
    CHECK(has(complaint({"rules"}), "vigil rules: a command is missing"));
    CHECK(has(complaint({"rules", "chek", "f"}), "did you mean check?"));
    CHECK(has(complaint({"rules", "check"}), "FILE is required"));
    CHECK(has(complaint({"rules", "test", "f"}), "say who watches"));
    CHECK(has(complaint({"rules", "test", "f", "--as", "sip:a@h", "--anonymous"}), "--anonymous"));
    CHECK(has(complaint({"user"}), "vigil user: a command is missing"));
    CHECK(has(complaint({"user", "ad"}), "did you mean add?"));
    CHECK(has(complaint({"user", "add", "--users", "f"}), "NAME is required"));
    CHECK(has(complaint({"user", "list"}), "--users is required"));
    CHECK(has(complaint({"edge", "--listen", "udp:1.2.3.4:5"}), "URI is required"));
}

TEST_CASE("A complaint knows whether JSON was asked for") {
    CHECK(read_as<Say>({"watch", "--json"}).json);
    CHECK_FALSE(read_as<Say>({"watch"}).json);
}

TEST_CASE("help and version are said, with exit code 0") {
    for (const auto* topic : {"serve", "watch", "watchers", "publish", "register", "edge", "parse",
                              "rules", "user", "allow", "show", "explain", "limits"}) {
        const Say by_option = read_as<Say>({topic, "--help"});
        const Say by_command = read_as<Say>({"help", topic});
        CHECK(by_option.code == ExitCode::done);
        CHECK(by_option.text == by_command.text);
        CHECK(has(by_option.text, std::string("Usage: vigil ") + topic));
    }
    CHECK(has(read_as<Say>({"help"}).text, "watch"));
    CHECK(read_as<Say>({"help"}).text == read_as<Say>({"--help"}).text);
    CHECK(complaint({"help", "bogus"}).starts_with("vigil: no such command: bogus"));
    CHECK(read_as<Say>({"version"}).text.starts_with("vigil "));
    CHECK(read_as<Say>({"version"}).text == read_as<Say>({"--version"}).text);
}
