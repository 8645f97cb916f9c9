#include "sip/base/civil_time.hpp"

#include <array>
#include <chrono>

#include "sip/base/text.hpp"

namespace sip {
namespace {

using Millis = std::chrono::sys_time<std::chrono::milliseconds>;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::year_month_day;

/// Names of three letters each.
constexpr std::string_view day_names = "SunMonTueWedThuFriSat";
constexpr std::string_view month_names = "JanFebMarAprMayJunJulAugSepOctNovDec";
std::string_view name_in(std::string_view names, std::size_t i) { return slice(names, 3 * i, 3); }
/// Which of them it is, counted from 1; 0: none.
int place_in(std::string_view names, std::string_view name) {
    for (std::size_t i = 0; 3 * i < names.size(); ++i)
        if (equal_ignoring_case(name, name_in(names, i))) return static_cast<int>(i) + 1;
    return 0;
}

void write_padded(Appender& out, std::uint64_t value, unsigned digits) {
    std::uint64_t bound = 10;
    for (unsigned i = 1; i < digits; ++i, bound *= 10)
        if (value < bound) {
            for (unsigned j = i; j < digits; ++j) out << '0';
            break;
        }
    out.decimal(value);
}

void write_clock(Appender& out, std::int64_t ms_of_day) {
    const auto s = static_cast<std::uint64_t>(ms_of_day / 1000);
    write_padded(out, s / 3600, 2);
    out << ':';
    write_padded(out, s / 60 % 60, 2);
    out << ':';
    write_padded(out, s % 60, 2);
}

/// Reads exactly `count` digits from the front.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return {};
    int value = 0;
    for (const char c : slice(text, 0, count)) {
        if (!is_digit(c)) return {};
        value = 10 * value + (c - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::int64_t> join(int year, int month, int day, int hour, int minute, int second) {
    const year_month_day date{std::chrono::year{year},
                              std::chrono::month{static_cast<unsigned>(month)},
                              std::chrono::day{static_cast<unsigned>(day)}};
    // A leap second (60) is legal in RFC 3339; it reads as the first of the next minute.
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return {};
    const auto since = std::chrono::sys_days{date}.time_since_epoch();
    return (std::chrono::duration_cast<std::chrono::seconds>(since).count() + hour * 3600 +
            minute * 60 + second) *
           1000;
}

struct Clock {
    int hour, minute, second;
};
std::optional<Clock> take_clock(std::string_view& text) {
    const auto hour = take_digits(text, 2);
    if (!hour || !take(text, ':')) return {};
    const auto minute = take_digits(text, 2);
    if (!minute || !take(text, ':')) return {};
    const auto second = take_digits(text, 2);
    if (!second) return {};
    return Clock{*hour, *minute, *second};
}

}  // namespace

void write_rfc3339(Appender& out, std::int64_t wall_ms) {
    const Millis time{std::chrono::milliseconds{wall_ms}};
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const auto ms = (time - day).count();
    write_padded(out, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
    out << '-';
    write_padded(out, static_cast<unsigned>(date.month()), 2);
    out << '-';
    write_padded(out, static_cast<unsigned>(date.day()), 2);
    out << 'T';
    write_clock(out, ms);
    if (ms % 1000 != 0) {
        out << '.';
        write_padded(out, static_cast<std::uint64_t>(ms % 1000), 3);
    }
    out << 'Z';
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
    constexpr std::string_view form = "0000-00-00T00:00:00";
    if (text.size() < form.size()) return {};
    for (std::size_t i = 0; i < form.size(); ++i) {
        const char c = text[i];
        if (form[i] == '0' ? !is_digit(c) : c != form[i] && (c != 't' || form[i] != 'T')) return {};
    }
    const auto pair = [head = text](std::size_t at) {
        return 10 * (head[at] - '0') + (head[at + 1] - '0');
    };
    const auto joined =
        join(100 * pair(0) + pair(2), pair(5), pair(8), pair(11), pair(14), pair(17));
    if (!joined) return {};
    text.remove_prefix(form.size());
    std::int64_t fraction = 0;
    if (take(text, '.')) {
        if (text.empty() || !is_digit(text.front())) return {};
        for (std::int64_t scale = 100; !text.empty() && is_digit(text.front()); scale /= 10) {
            fraction += scale * (text.front() - '0');
            text.remove_prefix(1);
        }
    }
    std::int64_t offset = 0;
    if (!(take(text, 'Z') || take(text, 'z'))) {
        const bool minus = take(text, '-');
        if (!minus && !take(text, '+')) return {};
        const auto hours = take_digits(text, 2);
        if (!hours || !take(text, ':')) return {};
        const auto minutes = take_digits(text, 2);
        if (!minutes || *hours > 23 || *minutes > 59) return {};
        offset = (minus ? -1 : 1) * (*hours * 60 + *minutes) * INT64_C(60000);
    }
    if (!text.empty()) return {};
    return *joined + fraction - offset;
}

void write_sip_date(Appender& out, std::int64_t wall_ms) {
    const Millis time{std::chrono::milliseconds{wall_ms}};
    const auto day = floor<days>(time);
    const year_month_day date{day};
    out << name_in(day_names, std::chrono::weekday{day}.c_encoding()) << ", ";
    write_padded(out, static_cast<unsigned>(date.day()), 2);
    out << ' ' << name_in(month_names, static_cast<unsigned>(date.month()) - 1) << ' ';
    write_padded(out, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
    out << ' ';
    write_clock(out, (time - day).count());
    out << " GMT";
}

std::optional<std::int64_t> parse_sip_date(std::string_view text) {
    text = trim(text);
    if (text.size() < 5) return {};
    const bool known_day = place_in(day_names, slice(text, 0, 3)) != 0;
    text.remove_prefix(3);
    if (!known_day || !take(text, ',') || !take(text, ' ')) return {};
    const auto day = take_digits(text, 2);
    if (!day || !take(text, ' ') || text.size() < 4) return {};
    const int month = place_in(month_names, slice(text, 0, 3));
    text.remove_prefix(3);
    if (month == 0 || !take(text, ' ')) return {};
    const auto year = take_digits(text, 4);
    if (!year || !take(text, ' ')) return {};
    const auto clock = take_clock(text);
    if (!clock || !equal_ignoring_case(text, " GMT")) return {};
    return join(*year, month, *day, clock->hour, clock->minute, clock->second);
}

}  // namespace sip
