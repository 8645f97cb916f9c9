// The rules of the code that no compiler enforces. A rule is a function from one source to what is
// wrong with it; each has sources that break it and sources that keep it beside it, so that a rule
// that cannot fail is seen. Rules over the whole tree stand below, each with a made-up tree.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/paths.hpp"
#include "tests/support/source_text.hpp"

namespace {

namespace fs = std::filesystem;

// ---- What the rules are made of: change these tables, not the code below ------------------------

constexpr std::size_t columns_max = 100;
constexpr std::size_t file_lines_max = 900;
constexpr std::size_t function_lines_max = 70;
constexpr std::size_t seeds_min = 3;

struct Layer {
    std::string_view prefix;  ///< the longest prefix of a path that stands here gives its layer
    int rank;                 ///< an include goes to a lower rank, or stays in the layer
};
constexpr std::array layers{
    Layer{"sip/base/", 0},    Layer{"sip/message/", 1},    Layer{"sip/transport/", 2},
    Layer{"pidf/", 1},        Layer{"sip/dialog/", 4},     Layer{"sip/transaction/", 3},
    Layer{"sip/auth/", 4},    Layer{"sip/proxy/", 5},      Layer{"sip/registrar/", 4},
    Layer{"sip/event/", 5},   Layer{"sip/stack", 6},       Layer{"sip/", 6},
    Layer{"presence/", 7},    Layer{"apps/edge/", 8},      Layer{"apps/load/", 9},
    Layer{"apps/vigil/", 10}, Layer{"apps/examples/", 10}, Layer{"bench/", 11},
    Layer{"fuzz/", 11},       Layer{"tests/", 11},
};

/// Includes that the ranks alone forbid (allowed) or permit (not), each with its reason.
struct Edge {
    std::string_view from, to, reason;
};
constexpr std::array allowed_edges{
    Edge{"sip/event/", "sip/stack.hpp", "the interface that parts use to reach the wire"},
    Edge{"sip/registrar/", "sip/stack.hpp", "the interface that parts use to reach the wire"},
    Edge{"sip/dialog/uac", "sip/auth/digest_client.hpp", "a UAC answers challenges"},
    Edge{"fuzz/", "tests/sim/", "scripts run in the simulator's worlds"},
    Edge{"fuzz/", "tests/support/", "scripts run in the tests' worlds"},
    Edge{"sip/registrar/registrant", "sip/dialog/uac", "REGISTER leaves as any request of a UAC"},
    Edge{"fuzz/pidf.cpp", "tests/pidf/structure.hpp", "tests and fuzzers hold it to one validator"},
};
constexpr std::array forbidden_edges{
    Edge{"pidf/", "sip/message/", "documents know no SIP, they stand on sip/base alone"},
};

/// Who may include what stands behind one door. `<` and `"` includes alike, by prefix.
struct Door {
    std::string_view include, only;
};
constexpr std::array doors{
    Door{"rapidxml", "pidf/xml.cpp"},
    Door{"uv.h", "apps/edge/net/"},
    Door{"openssl/", "apps/edge/net/tls_openssl.cpp"},
    Door{"gnutls/", "apps/edge/net/"},
    Door{"sqlite3", "apps/edge/store/"},
    Door{"doctest/", "tests/"},
    Door{"ares", "apps/edge/net/resolver.cpp"},
    Door{"CLI/", "apps/vigil/"},
    Door{"toml", "apps/vigil/"},
};

constexpr std::array<std::string_view, 38> core_forbidden_includes{
    "uv.h",
    "sys/",
    "unistd.h",
    "netinet/",
    "arpa/",
    "netdb.h",
    "poll.h",
    "fcntl.h",
    "pthread.h",
    "signal.h",
    "csignal",
    "time.h",
    "ctime",
    "thread",
    "mutex",
    "shared_mutex",
    "condition_variable",
    "atomic",
    "future",
    "iostream",
    "fstream",
    "sstream",
    "ostream",
    "filesystem",
    "cstdio",
    "stdio.h",
    "fmt/",
    "openssl/",
    "random",
    "string",
    "vector",
    "map",
    "unordered_map",
    "list",
    "deque",
    "set",
    "functional",
    "regex",
};

constexpr std::array<std::string_view, 38> core_forbidden_words{
    "std::string",
    "std::to_string",
    "std::vector",
    "std::map",
    "std::multimap",
    "std::set",
    "std::list",
    "std::deque",
    "std::unordered_map",
    "std::unordered_set",
    "std::function",
    "std::unique_ptr",
    "std::shared_ptr",
    "std::make_unique",
    "std::make_shared",
    "std::any",
    "std::cout",
    "std::cerr",
    "std::rand",
    "std::getenv",
    "std::async",
    "std::thread",
    "steady_clock",
    "system_clock",
    "high_resolution_clock",
    "std::chrono::utc_clock",
    "throw",
    "try",
    "catch",
    "dynamic_cast",
    "typeid",
    "thread_local",
    "goto",
    "std::time",
    "std::printf",
    "printf",
    "alloca",
    "substr",  // throws: slice() of sip/base/text.hpp
};

/// A file that may use a word which the rest of the core may not.
struct WordException {
    std::string_view path, word, reason;
};
constexpr std::array word_exceptions{
    WordException{"pidf/xml.cpp", "thread_local", "the jmp_buf that fences RapidXML's errors"},
    WordException{"pidf/xml.cpp", "throw", "the same fence where a host builds with exceptions"},
    WordException{"pidf/xml.cpp", "try", "the same fence where a host builds with exceptions"},
    WordException{"pidf/xml.cpp", "catch", "the same fence where a host builds with exceptions"},
};

/// Core sources without a test of their own name.
struct Exemption {
    std::string_view path, reason;
};
const std::vector<Exemption> untested_sources{};

constexpr std::array<std::string_view, 3> core_folders{"sip/", "pidf/", "presence/"};
constexpr std::array<std::string_view, 8> folders_here{"sip",   "pidf", "presence", "apps",
                                                       "tests", "fuzz", "bench",    "docs"};

// ---- What rules are written with ----------------------------------------------------------------

using Findings = std::vector<std::string>;

bool starts_with_any(std::string_view path, const auto& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](std::string_view prefix) { return path.starts_with(prefix); });
}
bool in_core(const Source& source) { return starts_with_any(source.path, core_folders); }
bool is_document(std::string_view path) {
    return path.ends_with(".md") || path.ends_with(".tsv") || path.ends_with(".txt");
}
bool is_cpp(std::string_view path) { return path.ends_with(".cpp") || path.ends_with(".hpp"); }

std::string at(const Source& source, std::size_t line, std::string_view what) {
    return source.path + ":" + std::to_string(line) + ": " + std::string(what);
}

// ---- Rules over one source ----------------------------------------------------------------------

const Layer* layer_of(std::string_view path) {
    const Layer* best = nullptr;
    for (const auto& layer : layers)
        if (path.starts_with(layer.prefix) &&
            (best == nullptr || layer.prefix.size() > best->prefix.size()))
            best = &layer;
    return best;
}

bool may_include(std::string_view from, std::string_view to) {
    const auto has = [&](const auto& edges) {
        return std::any_of(edges.begin(), edges.end(), [&](const Edge& edge) {
            return from.starts_with(edge.from) && to.starts_with(edge.to);
        });
    };
    const Layer* upper = layer_of(from);
    const Layer* lower = layer_of(to);
    if (upper == nullptr || lower == nullptr) return true;
    if (has(forbidden_edges)) return false;
    return upper == lower || lower->rank < upper->rank || has(allowed_edges);
}

Findings layering(const Source& source) {
    Findings found;
    for (const auto& include : includes_of(source.text))
        if (!may_include(source.path, include.name))
            found.push_back(
                at(source, include.line,
                   "includes " + std::string(include.name) + ", which is no lower layer"));
    return found;
}

Findings doors_kept(const Source& source) {
    Findings found;
    for (const auto& include : includes_of(source.text))
        for (const auto& door : doors)
            if (include.name.starts_with(door.include) && !source.path.starts_with(door.only))
                found.push_back(at(source, include.line,
                                   std::string(include.name) + " belongs to " +
                                       std::string(door.only) + " alone"));
    return found;
}

Findings core_includes(const Source& source) {
    Findings found;
    if (!in_core(source)) return found;
    for (const auto& include : includes_of(source.text))
        for (auto name : core_forbidden_includes)
            if (include.name == name || (name.ends_with('/') && include.name.starts_with(name)))
                found.push_back(
                    at(source, include.line,
                       "the core does not include <" + std::string(include.name) + ">"));
    return found;
}

bool is_excepted(const Source& source, std::string_view word) {
    return std::any_of(word_exceptions.begin(), word_exceptions.end(), [&](const WordException& e) {
        return e.path == source.path && e.word == word;
    });
}

Findings core_words(const Source& source) {
    Findings found;
    if (!in_core(source)) return found;
    const auto code = code_of(source.text);
    const auto report = [&](std::size_t place, std::string_view word) {
        found.push_back(
            at(source, line_at(code, place), "the core does not use " + std::string(word)));
    };
    for (auto word : core_forbidden_words)
        if (!is_excepted(source, word))
            for (auto place : places_of(word, code)) report(place, word);
    for (auto place = code.find(".value()"); place != std::string::npos;
         place = code.find(".value()", place + 1)) {
        // That of a tl::unexpected has nothing to test, and throws nothing.
        if (!std::string_view(code).substr(0, place).ends_with("unexpected"))
            report(place, ".value(): test, then *r");
    }
    return found;
}

/// Heap memory comes from sip::Memory; only placement new is used.
Findings core_memory(const Source& source) {
    Findings found;
    if (!in_core(source) || source.path == "sip/base/system_memory.cpp") return found;
    const auto code = code_of(source.text);
    const auto report = [&](std::size_t place, std::string_view word) {
        found.push_back(at(source, line_at(code, place),
                           std::string(word) + ": memory comes from sip::Memory"));
    };
    for (auto word : {"malloc", "calloc", "realloc", "free", "std::nothrow", "strdup"})
        for (auto place : places_of(word, code))
            if (next_char(code, place + std::string_view(word).size()) == '(' ||
                std::string_view(word) == "std::nothrow")
                report(place, word);
    for (auto place : places_of("new", code))
        if (next_char(code, place + 3) != '(' && next_char(code, place + 3) != '>')
            report(place, "new");
    for (auto place : places_of("delete", code))
        if (previous_char(code, place) != '=') report(place, "delete");
    return found;
}

/// A static object that is not const is a global, wherever it stands.
Findings core_globals(const Source& source) {
    Findings found;
    if (!in_core(source)) return found;
    const auto code = code_of(source.text);
    for (auto place : places_of("static", code)) {
        const auto end = std::min(code.find_first_of(";={(", place), code.size());
        const std::string_view declared = std::string_view(code).substr(place, end - place);
        const bool constant = !places_of("const", declared).empty() ||
                              !places_of("constexpr", declared).empty() ||
                              !places_of("consteval", declared).empty();
        if (!constant && end < code.size() && code[end] != '(')
            found.push_back(at(source, line_at(code, place), "a mutable static is a global"));
    }
    return found;
}

/// Comments count too, so this reads the text. Split here so that this file keeps its own rule.
Findings unfinished(const Source& source) {
    Findings found;
    for (auto word : {"TO"
                      "DO",
                      "FIX"
                      "ME",
                      "XX"
                      "X"})
        for (auto place : places_of(word, source.text))
            found.push_back(at(source, line_at(source.text, place), "something unfinished"));
    return found;
}

/// A test that is switched off, or allowed to fail, proves nothing.
Findings switched_off(const Source& source) {
    Findings found;
    const auto code = code_of(source.text);
    for (auto word : {"doctest::skip", "doctest::may_fail", "doctest::should_fail",
                      "doctest::expected_failures", "#if 0"})
        for (auto place : places_of(word, code))
            found.push_back(at(source, line_at(code, place), std::string(word) + ": switched off"));
    return found;
}

/// The core is tested under virtual time.
Findings virtual_time(const Source& source) {
    constexpr std::array<std::string_view, 4> folders{"tests/sip/", "tests/pidf/",
                                                      "tests/presence/", "tests/sim/"};
    Findings found;
    if (!starts_with_any(source.path, folders)) return found;
    const auto code = code_of(source.text);
    for (auto word : {"sleep_for", "sleep_until", "sleep", "usleep", "nanosleep", "steady_clock",
                      "system_clock", "high_resolution_clock", "std::time", "std::random_device"})
        for (auto place : places_of(word, code))
            found.push_back(at(source, line_at(code, place), std::string(word) + " in a test"));
    return found;
}

Findings machine_paths(const Source& source) {
    Findings found;
    for (auto path : {"/ho"
                      "me/",
                      "/ro"
                      "ot/",
                      "/wo"
                      "rk/",
                      "/tmp/w"
                      "t",
                      "."
                      "library"}) {
        const auto place = source.text.find(path);
        if (place != std::string::npos)
            found.push_back(at(source, line_at(source.text, place), "a path of some machine"));
    }
    return found;
}

Findings line_shape(const Source& source) {
    Findings found;
    std::size_t number = 0;
    for (auto line : lines_of(source.text)) {
        ++number;
        const auto columns = std::count_if(line.begin(), line.end(), [](char c) {
            return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
        });
        if (static_cast<std::size_t>(columns) > columns_max)
            found.push_back(at(source, number, "longer than 100 columns"));
        if (line.find('\t') != std::string_view::npos) found.push_back(at(source, number, "a tab"));
        if (line.ends_with(' ') || line.ends_with('\r'))
            found.push_back(at(source, number, "blanks at the end of a line"));
    }
    if (!source.text.empty() && !source.text.ends_with('\n'))
        found.push_back(at(source, number, "no newline at the end of the file"));
    return found;
}

Findings file_length(const Source& source) {
    const auto lines = lines_of(source.text).size();
    if (lines <= file_lines_max) return {};
    return {at(source, lines, "more than 900 lines in one file")};
}

/// Whether what stands before a brace opens something that holds functions, not a function.
bool opens_scope(std::string_view before) {
    const auto start = before.find_last_of(";{}");
    if (start != std::string_view::npos) before.remove_prefix(start + 1);
    for (auto word : {"namespace", "class", "struct", "union", "enum", "extern"}) {
        const auto places = places_of(word, before);
        if (!places.empty() && before.find('(', places.back()) == std::string_view::npos)
            return true;
    }
    return false;
}

/// Rough: braces outside namespaces and classes are taken for functions (or tables, which are not
/// longer for it to matter: a table is told by the `=` or the `,` before it).
Findings function_length(const Source& source) {
    Findings found;
    if (!is_cpp(source.path)) return found;
    const auto code = code_of(source.text);
    std::vector<bool> scopes;  // for each open brace, whether it holds functions
    std::size_t opened_at = 0;
    std::size_t inside = 0;  // how many of the open braces are not scopes
    bool table = false;
    for (std::size_t i = 0; i < code.size(); ++i) {
        if (code[i] == '{') {
            scopes.push_back(inside == 0 && opens_scope(std::string_view(code).substr(0, i)));
            if (scopes.back()) continue;
            if (inside++ == 0) {
                opened_at = line_at(code, i);
                const char before = previous_char(code, i);
                table = before == '=' || before == ',' || before == '(';
                const auto head = std::string_view(code).substr(0, i);
                const auto start = head.find_last_of(";{}") + 1;
                table = table || head.find('(', start) == std::string_view::npos;
            }
        } else if (code[i] == '}' && !scopes.empty()) {
            const bool scope = scopes.back();
            scopes.pop_back();
            if (scope || --inside > 0 || table) continue;
            if (line_at(code, i) - opened_at + 1 > function_lines_max)
                found.push_back(at(source, opened_at, "a function of more than 70 lines"));
        }
    }
    return found;
}

// ---- Rules over the whole tree ------------------------------------------------------------------

/// Paths from the root, and the seeds of fuzz targets counted among them.
using Tree = std::set<std::string>;

std::string without_extension(const std::string& path) { return path.substr(0, path.rfind('.')); }

/// Headers without a source need no test of their own name; `untested_headers` lists them.
Findings mirrored(const Tree& tree, const std::vector<Exemption>& exemptions) {
    Findings found;
    std::set<std::string> exempt;
    for (const auto& exemption : exemptions) exempt.emplace(exemption.path);
    for (const auto& path : tree) {
        if (!starts_with_any(path, core_folders) || !path.ends_with(".cpp")) continue;
        const bool tested = tree.contains("tests/" + without_extension(path) + "_test.cpp");
        const bool excused = exempt.erase(path) > 0;
        if (!tested && !excused) found.push_back(path + ": has no test that mirrors it");
        if (tested && excused) found.push_back(path + ": has a test now, take its exemption out");
    }
    for (const auto& path : exempt) found.push_back(path + ": is exempt and not there");
    return found;
}

Findings untested_headers(const Tree& tree) {
    Findings found;
    for (const auto& path : tree) {
        const auto stem = without_extension(path);
        if (starts_with_any(path, core_folders) && path.ends_with(".hpp") &&
            !tree.contains(stem + ".cpp") && !tree.contains("tests/" + stem + "_test.cpp"))
            found.push_back(path);
    }
    return found;
}

bool is_fuzz_target(const std::string& path) {
    return path.starts_with("fuzz/") && path.ends_with(".cpp") && path != "fuzz/replay_main.cpp" &&
           path.find('/', 5) == std::string::npos;
}

Findings fuzz_targets_complete(const Tree& tree) {
    Findings found;
    for (const auto& path : tree) {
        if (!is_fuzz_target(path)) continue;
        const auto name = without_extension(path).substr(5);
        const auto seeds = std::count_if(tree.begin(), tree.end(), [&](const std::string& file) {
            return file.starts_with("fuzz/corpus/" + name + "/");
        });
        if (static_cast<std::size_t>(seeds) < seeds_min)
            found.push_back(path + ": fewer than 3 seeds in fuzz/corpus/" + name);
        if (!tree.contains("fuzz/dict/" + name + ".dict"))
            found.push_back(path + ": no fuzz/dict/" + name + ".dict");
    }
    return found;
}

Findings fuzz_properties(const Source& source) {
    if (!is_fuzz_target(source.path) || source.text.starts_with("// Property 1: ")) return {};
    return {at(source, 1, "a fuzz target states its properties first: // Property 1: ...")};
}

// ---- The rules, each with what breaks it and what keeps it --------------------------------------

struct Rule {
    std::string says;
    Findings (*check)(const Source&);
    std::vector<Source> wrong;
    std::vector<Source> right;
};

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    while (times-- > 0) all += text;
    return all;
}

std::vector<Source> each_in_core(const std::vector<std::string>& texts) {
    std::vector<Source> sources;
    for (const auto& text : texts) sources.push_back({"sip/message/a.cpp", text + "\n"});
    return sources;
}

Rule layering_rule() {
    return {"an include goes down the layers, never up or across",
            layering,
            {{"sip/base/a.hpp", "#include \"sip/message/b.hpp\"\n"},
             {"sip/message/a.hpp", "// said\n#include \"sip/transport/b.hpp\"\n"},
             {"sip/dialog/a.cpp", "#include \"sip/auth/b.hpp\"\n"},
             {"sip/dialog/a.cpp", "#include \"sip/stack.hpp\"\n"},
             {"sip/event/a.cpp", "#include \"presence/b.hpp\"\n"},
             {"pidf/a.cpp", "#include \"sip/message/b.hpp\"\n"},
             {"presence/a.cpp", "#include \"apps/edge/net/b.hpp\"\n"},
             {"presence/a.cpp", "#include \"tests/support/b.hpp\"\n"},
             {"apps/edge/net/a.cpp", "#include \"apps/vigil/b.hpp\"\n"}},
            {{"sip/base/a.hpp", "#include \"sip/base/b.hpp\"\n"},
             {"sip/event/a.cpp", "#include \"sip/stack.hpp\"\n"},
             {"sip/stack.cpp", "#include \"sip/event/notifier.hpp\"\n"},
             {"presence/a.cpp", "#include \"pidf/xml.hpp\"\n"},
             {"apps/vigil/a.cpp", "#include \"presence/server.hpp\"\n"}}};
}

Rule doors_rule() {
    return {"a library is included behind its one door",
            doors_kept,
            {{"pidf/reader.cpp", "#include <rapidxml/rapidxml.hpp>\n"},
             {"apps/vigil/main.cpp", "#include <uv.h>\n"},
             {"apps/vigil/main.cpp", "#include <openssl/ssl.h>\n"},
             {"sip/base/a.cpp", "#include <doctest/doctest.h>\n"}},
            {{"pidf/xml.cpp", "#include <rapidxml/rapidxml.hpp>\n"},
             {"apps/edge/net/udp.cpp", "#include <uv.h>\n"}}};
}

std::vector<Rule> core_rules() {
    return {
        {"the core includes nothing impure", core_includes,
         each_in_core({"#include <uv.h>", "#include <sys/socket.h>", "#include <unistd.h>",
                       "#include <thread>", "#include <mutex>", "#include <iostream>",
                       "#include <fmt/format.h>", "#include <openssl/md5.h>", "#include <random>",
                       "#include <string>"}),
         each_in_core({"#include <string_view>", "#include <cstdint>", "// #include <thread>"})},
        {"the core uses nothing that hides memory, time or control flow", core_words,
         each_in_core({"std::string s;", "std::vector<int> v;", "std::map<int, int> m;",
                       "std::unordered_map<int, int> m;", "std::function<void()> f;", "throw 1;",
                       "try { f(); } catch (...) {}", "dynamic_cast<B*>(a);", "r.value();",
                       "auto t = std::chrono::steady_clock::now();", "system_clock::now();",
                       "std::unique_ptr<int> p;", "thread_local int n;",
                       "char c = '\"'; std::string s;", "int n = 1'000; std::string s;"}),
         each_in_core({"std::string_view s;", "// std::string, try", "/* throw\n throw */",
                       "auto s = \"throw std::string\";", "auto s = R\"x(\" throw)x\";",
                       "int try_again = 0;", "char c = '\"'; int n = 1'000;", "r->value;",
                       "unexpected.value();"})},
        {"heap memory in the core comes from sip::Memory", core_memory,
         each_in_core({"auto* p = new int;", "auto* p = new Foo(1);", "p = std::malloc(3);",
                       "free(p);", "delete p;", "new (std::nothrow) int;"}),
         [] {
             auto right = each_in_core({"new (p) int(3);", "Foo(const Foo&) = delete;",
                                        "#include <new>", "bool new_one = is_free;", "// new int"});
             right.push_back({"sip/base/system_memory.cpp", "p = std::malloc(3);\n"});
             return right;
         }()},
        {"the core has no globals", core_globals,
         each_in_core({"static int count = 0;", "void f() { static bool once; }",
                       "static Table table{1, 2};"}),
         each_in_core({"static const int n = 0;", "static constexpr int n{3};", "static int f();",
                       "static_assert(true);", "static constexpr bool is_steady = true;"})},
    };
}

std::vector<Rule> text_rules() {
    const std::string body = "int f() {\n" + repeated("    g();\n", 68);
    return {
        {"nothing unfinished is left",
         unfinished,
         {{"sip/a.cpp",
           "// TO"
           "DO: later\n"},
          {"tests/a.cpp",
           "int FIX"
           "ME;\n"}},
         {{"sip/a.cpp",
           "// to do, and TO"
           "DOS\n"}}},
        {"no test is switched off",
         switched_off,
         {{"tests/a.cpp", "TEST_CASE(\"a\" * doctest::skip()) {}\n"},
          {"tests/a.cpp", "#if 0\n#endif\n"}},
         {{"tests/a.cpp", "// doctest::skip\nTEST_CASE(\"a\") {}\n"}}},
        {"tests of the core sleep nowhere and read no clock",
         virtual_time,
         {{"tests/sip/a.cpp", "std::this_thread::sleep_for(1s);\n"},
          {"tests/presence/a.cpp", "auto t = std::chrono::steady_clock::now();\n"}},
         {{"tests/sip/a.cpp", "// asleep; sleep\nint sleeper;\n"},
          {"tests/apps/a.cpp", "std::this_thread::sleep_for(1s);\n"}}},
        {"no path of a machine",
         machine_paths,
         {{"tests/a.cpp",
           "f(\"/ho"
           "me/x\");\n"},
          {"tests/a.cpp",
           "// see /wo"
           "rk/a\n"}},
         {{"tests/a.cpp", "f(\"/homes\");\n"}}},
        {"lines are at most 100 columns, without tabs or blanks at the end",
         line_shape,
         {{"sip/a.cpp", std::string(101, 'a') + "\n"},
          {"sip/a.cpp", "\tint a;\n"},
          {"sip/a.cpp", "int a; \n"},
          {"sip/a.cpp", "int a;\r\n"},
          {"sip/a.cpp", "int a;"}},
         {{"sip/a.cpp", std::string(100, 'a') + "\n"},
          {"sip/a.cpp", std::string(98, 'a') + "\u00e4\u00e4\n"}}},
        {"a file is at most 900 lines",
         file_length,
         {{"sip/a.cpp", std::string(901, '\n')}},
         {{"sip/a.cpp", std::string(900, '\n')}}},
        {"a function is at most 70 lines",
         function_length,
         {{"sip/a.cpp", body + "    g();\n}\n"},
          {"sip/a.cpp", "namespace a {\nstruct B {\n" + body + "    g();\n}\n};\n}\n"},
          {"sip/a.cpp", "template <class T>\nauto f() const {\n" + repeated("g();\n", 71) + "}\n"},
          {"tests/a.cpp", "TEST_CASE(\"a\") {\n" + repeated("if (a) { g(); }\n", 71) + "}\n"}},
         {{"sip/a.cpp", body + "}\n"},
          {"sip/a.cpp", "namespace a {\n" + repeated(body + "}\n", 3) + "}\n"},
          {"sip/a.cpp", "constexpr int a[] = {\n" + repeated("1,\n", 90) + "};\n"},
          {"sip/a.cpp", "class A {\n" + repeated("int f();\n", 90) + "};\n"}}},
        {"a fuzz target states its properties",
         fuzz_properties,
         {{"fuzz/a.cpp", "#include <cstddef>\n"}},
         {{"fuzz/a.cpp", "// Property 1: it ends.\n"}, {"fuzz/replay_main.cpp", "int a;\n"}}},
    };
}

std::vector<Rule> all_rules() {
    std::vector<Rule> rules{layering_rule(), doors_rule()};
    for (auto& rule : core_rules()) rules.push_back(std::move(rule));
    for (auto& rule : text_rules()) rules.push_back(std::move(rule));
    return rules;
}

// ---- The tree that is here ----------------------------------------------------------------------

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

Tree tree_here() {
    Tree tree;
    for (auto folder : folders_here)
        for (const auto& entry : fs::recursive_directory_iterator(source_root() / folder))
            if (entry.is_regular_file())
                tree.insert(fs::relative(entry.path(), source_root()).generic_string());
    for (auto file : {"dev", ".ci/run", ".ci/packages.sh", ".ci/count.py", ".ci/conformance.py",
                      "meson.build", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"})
        if (fs::exists(source_root() / file)) tree.insert(file);
    return tree;
}

/// What is written by hand: no seeds, no messages that a test reads.
bool is_source(std::string_view path) {
    const std::array<std::string_view, 3> data{"fuzz/corpus/", "fuzz/regress/", "tests/vectors/"};
    if (starts_with_any(path, data) || path.find("/__pycache__/") != std::string_view::npos)
        return false;
    return is_cpp(path) || path.ends_with(".py") || path.ends_with(".sh") ||
           path.ends_with("meson.build") || path == "dev" || path.ends_with("/run");
}

std::vector<Source> files_here(bool (*wanted)(std::string_view)) {
    std::vector<Source> sources;
    for (const auto& path : tree_here())
        if (wanted(path)) sources.push_back({path, read(source_root() / path)});
    return sources;
}

void show(const Findings& findings) {
    for (const auto& finding : findings) FAIL_CHECK(finding);
}

}  // namespace

TEST_CASE("every rule fails on what breaks it and passes what keeps it") {
    for (const auto& rule : all_rules()) {
        CAPTURE(rule.says);
        for (const auto& source : rule.wrong) {
            CAPTURE(source.path);
            CAPTURE(source.text);
            CHECK_FALSE(rule.check(source).empty());
        }
        for (const auto& source : rule.right) {
            CAPTURE(source.path);
            CAPTURE(source.text);
            CHECK(rule.check(source) == Findings{});
        }
    }
}

TEST_CASE("the sources keep every rule") {
    const auto sources = files_here(is_source);
    REQUIRE(sources.size() > 20);
    for (const auto& rule : all_rules()) {
        INFO(rule.says);
        for (const auto& source : sources) show(rule.check(source));
    }
}

TEST_CASE("the documents name no path of a machine") {
    const auto documents = files_here(is_document);
    REQUIRE(documents.size() > 3);
    for (const auto& document : documents) show(machine_paths(document));
}

TEST_CASE("every source of the core has a test that mirrors it") {
    const Tree tests_elsewhere{"sip/a.cpp", "tests/a_test.cpp", "tests/sip/a.cpp"};
    const Tree tested{"sip/a.cpp", "tests/sip/a_test.cpp"};
    CHECK(mirrored(tests_elsewhere, {}).size() == 1);
    CHECK(mirrored(tests_elsewhere, {{"sip/a.cpp", "why"}}).empty());
    CHECK(mirrored(tested, {}).empty());
    CHECK(mirrored(tested, {{"sip/a.cpp", "why"}}).size() == 1);
    CHECK(mirrored(tested, {{"sip/b.cpp", "why"}}).size() == 1);
    CHECK(untested_headers({"sip/a.hpp", "sip/b.hpp", "sip/b.cpp"}) == Findings{"sip/a.hpp"});

    const auto tree = tree_here();
    show(mirrored(tree, untested_sources));
    std::ostringstream list;
    for (const auto& header : untested_headers(tree)) list << ' ' << header;
    MESSAGE("headers without a source or a test of their own:" << list.str());
}

TEST_CASE("every fuzz target has its seeds and its dictionary") {
    Tree tree{"fuzz/uri.cpp",       "fuzz/corpus/uri/1",    "fuzz/corpus/uri/2",
              "fuzz/dict/uri.dict", "fuzz/replay_main.cpp", "fuzz/corpus/uris/3"};
    CHECK(fuzz_targets_complete(tree).size() == 1);
    tree.insert("fuzz/corpus/uri/3");
    CHECK(fuzz_targets_complete(tree).empty());
    tree.erase("fuzz/dict/uri.dict");
    CHECK(fuzz_targets_complete(tree).size() == 1);

    show(fuzz_targets_complete(tree_here()));
    const auto table = read(source_root() / "fuzz/meson.build");
    for (const auto& path : tree_here()) {
        if (!is_fuzz_target(path)) continue;
        const auto name = without_extension(path).substr(5);
        CHECK_MESSAGE(table.find("['" + name + "',") != std::string::npos,
                      path << ": not in the table of fuzz/meson.build");
    }
}

TEST_CASE("the sources are formatted") {
    if (std::system("command -v clang-format-14 >/dev/null 2>&1") != 0) {
        skip_case("clang-format-14 is not installed");
        return;
    }
    // The check of the check: what is badly formatted is seen.
    CHECK(std::system("echo 'int  a ;' | clang-format-14 --dry-run -Werror >/dev/null 2>&1") != 0);
    std::string command =
        "cd '" + source_root().string() + "' && clang-format-14 --dry-run -Werror";
    for (const auto& source : files_here(is_source))
        if (is_cpp(source.path)) command += " '" + source.path + "'";
    CHECK(std::system((command + " 2>&1").c_str()) == 0);
}
