#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sip/base/siphash.hpp"

// Scripts say what happens, one command a line. Every input is one: a line whose first word is no
// command is passed over, and a word that is missing or is not what it should be has a meaning all
// the same. So a fuzzer's changes stay scripts, and what it finds can be read.

namespace scripts {

/// The words behind a command, taken from the front one by one.
class Words {
public:
    explicit Words(std::string_view line) : rest_(line) { skip(); }

    /// Empty at the end of the line.
    std::string_view word() {
        const std::string_view next = rest_.substr(0, rest_.find(' '));
        rest_.remove_prefix(next.size());
        skip();
        return next;
    }
    /// A decimal number, held between the two; `otherwise` at the end of the line.
    std::int64_t number(std::int64_t least, std::int64_t most, std::int64_t otherwise) {
        const std::string_view text = word();
        if (text.empty()) return otherwise;
        std::int64_t value = 0;
        for (const char c : text.substr(text[0] == '-' ? 1 : 0, 15)) {
            if (c < '0' || c > '9') break;
            value = value * 10 + (c - '0');
        }
        return std::clamp(text[0] == '-' ? -value : value, least, most);
    }
    /// The place of the next word among `names`: of the first where it is missing, of some one
    /// where it is none of them.
    unsigned one_of(std::span<const std::string_view> names) {
        const std::string_view text = word();
        if (text.empty()) return 0;
        const auto found = std::find(names.begin(), names.end(), text);
        if (found != names.end()) return static_cast<unsigned>(found - names.begin());
        return static_cast<unsigned>(sip::siphash({1, 2}, text) % names.size());
    }
    /// Whether the next word is this one; it is taken then.
    bool takes(std::string_view wanted) {
        if (rest_.substr(0, rest_.find(' ')) != wanted) return false;
        word();
        return true;
    }
    std::string_view rest() const { return rest_; }

private:
    void skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }

    std::string_view rest_;
};

template <class World>
struct Command {
    std::string_view name;
    void (*run)(World&, Words&);
};

/// Runs the lines of a script through the table, the first `lines_max` of them; `after` each one.
template <class World, class After>
void run(std::string_view script, std::span<const Command<World>> table, World& world, After after,
         std::size_t lines_max = 100) {
    while (!script.empty() && lines_max-- > 0) {
        const std::string_view line = script.substr(0, script.find('\n'));
        script.remove_prefix(std::min(line.size() + 1, script.size()));
        Words words(line);
        const std::string_view name = words.word();
        const auto found = std::find_if(table.begin(), table.end(),
                                        [&](const auto& command) { return command.name == name; });
        if (found == table.end()) continue;
        found->run(world, words);
        after();
    }
}

/// Bytes as a script has them: \r, \n, \t, \\ and \x with two digits stand for one each.
inline std::string bytes_of(std::string_view text) {
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
    };
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            bytes += text[i];
            continue;
        }
        const char kind = text[++i];
        if (kind == 'x' && i + 2 < text.size()) {
            bytes += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            bytes += kind == 'r' ? '\r' : kind == 'n' ? '\n' : kind == 't' ? '\t' : kind;
        }
    }
    return bytes;
}

/// A text after some accidents that the seed decides.
inline std::string bent(std::string text, std::uint64_t seed) {
    const auto draw = [&seed](std::size_t bound) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        return bound == 0 ? 0 : static_cast<std::size_t>(seed >> 33) % bound;
    };
    for (std::size_t rounds = 1 + draw(4); rounds > 0 && !text.empty(); --rounds) {
        const std::size_t at = draw(text.size());
        const std::size_t size = std::min<std::size_t>(draw(40), text.size() - at);
        switch (draw(5)) {
            case 0: text[at] = static_cast<char>(draw(256)); break;
            case 1: text.erase(at, size); break;
            case 2: text.insert(at, text.substr(draw(text.size()), size)); break;
            case 3: text.resize(at); break;
            default: text.insert(at, draw(40), static_cast<char>(draw(256))); break;
        }
    }
    return text;
}

}  // namespace scripts
