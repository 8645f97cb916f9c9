#include "sip/message/message_parser.hpp"

#include <algorithm>
#include <optional>

#include "sip/base/inline.hpp"
#include "sip/base/ranges.hpp"
#include "sip/base/text.hpp"
#include "sip/message/header_table.hpp"
#include "sip/message/method_table.hpp"
#include "sip/message/name_word.hpp"
#include "sip/message/scanner.hpp"

namespace sip {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool is_token(std::string_view text) {
    for (const char c : text)
        if (!is_token_char(c)) return false;
    return !text.empty();
}

/// Size of the UTF-8 sequence at the front of `text`, whose first byte is 0x80 or above; 0 when it
/// is none (RFC 3629 3 and 4: no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_size(std::string_view text) {
    const auto byte = [text](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    const unsigned first = byte(0), second = byte(1);
    if (first < 0xc2 || first > 0xf4) return 0;
    const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    for (std::size_t i = 1; i < size; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    if (first == 0xe0 && second < 0xa0) return 0;
    if (first == 0xed && second > 0x9f) return 0;
    if (first == 0xf0 && second < 0x90) return 0;
    if (first == 0xf4 && second > 0x8f) return 0;
    return size;
}

/// "SIP/" digits "." digits, in any case.
bool is_version_shaped(std::string_view text) {
    if (text.size() < 4 || !equal_ignoring_case(slice(text, 0, 4), "SIP/")) return false;
    const auto [major, minor, dotted] = split_at(slice(text, 4), '.');
    const auto digits = [](std::string_view part) {
        return !part.empty() && all_of(part, is_digit);
    };
    return dotted && digits(major) && digits(minor);
}

constexpr auto line_end = static_cast<std::uint16_t>(word_of("\r\n"));

struct Line {
    std::size_t begin = 0, end = 0;  ///< without its CRLF
    std::size_t next = 0;            ///< start of the next line
    bool empty() const { return begin == end; }
};

class MessageScanner {
public:
    MessageScanner(Scan& scan, std::string_view input, std::span<HeaderField> slots,
                   Framing framing, const Limits& limits, const Leniency& leniency)
        : scan_(scan),
          input_(input),
          slots_(slots.first(std::min<std::size_t>(slots.size(), limits.headers))),
          framing_(framing),
          limits_(limits),
          leniency_(leniency) {}

    void run() {
        if (skip_empty_lines()) message();
        scan_.message.headers = slots_.first(count_);
        scan_.message.indexed = count_ <= HeaderPlaces::fields_max;
    }

private:
    void message() {
        // What stands past the limit is never looked at, so that the outcome does not depend on
        // how much of the stream has come.
        head_ = input_;
        if (is_stream())
            head_ = slice(head_, 0, begin_ + limits_.header_bytes);
        else if (input_.size() > limits_.message_bytes)
            fail(Condition::too_large, "message is over the size limit", begin_);

        std::size_t at = usual_start_line();
        if (at == 0) {
            const std::optional<Line> line = next_line(begin_);
            if (!line) return no_end();
            start_line(*line);
            at = line->next;
        }
        for (;;) {
            at = plain_headers(at);
            if (head_.size() - at >= 2 && load_word<std::uint16_t>(head_.data() + at) == line_end)
                return body(at + 2);
            std::optional<Line> line = next_line(at);
            if (!line) return no_end();
            if (line->empty()) return body(line->next);
            header(*line);
            at = line->next;
        }
    }
    bool is_stream() const { return framing_ == Framing::stream; }
    std::string_view text(std::size_t begin, std::size_t end) const {
        return {input_.data() + begin, end - begin};
    }

    void fail(Condition condition, StaticText rule, std::size_t at) {
        if (!failed_) scan_.error = {condition, rule, static_cast<std::uint32_t>(at)};
        failed_ = true;
    }
    /// The fault is one that lets two readers disagree about where the message ends.
    void fail_framing(Condition condition, StaticText rule, std::size_t at) {
        fail(condition, rule, at);
        framing_lost_ = true;
    }

    bool skip_empty_lines();
    std::optional<Line> next_line(std::size_t from);
    std::size_t usual_start_line();
    const char* usual_request_line(const char* at, const char* end);
    const char* usual_status_line(const char* at, const char* end);
    void start_line(const Line& line);
    void request_line(const Line& line);
    void status_line(const Line& line);
    /// Whether that part of a line may pass as a SIP-Version.
    bool version(std::size_t begin, std::size_t end);
    void request_uri(std::size_t begin, std::size_t end);
    std::size_t plain_headers(std::size_t from);
    void plain_length();
    void plain_length(const HeaderField& field);
    [[gnu::noinline]] void take_back(const HeaderField& field, std::size_t count);
    [[gnu::noinline]] void repeated(const HeaderField& field, const char* stop);
    void header(Line& line);
    void content_length(std::string_view value, std::size_t at);
    void check_text(std::size_t begin, std::size_t end, bool quotes);
    void no_end();
    void body(std::size_t begin);
    void finish(std::size_t end);

    Scan& scan_;
    std::string_view input_, head_;
    std::span<HeaderField> slots_;
    Framing framing_;
    const Limits& limits_;
    const Leniency& leniency_;

    std::size_t begin_ = 0;             ///< of the start line
    std::size_t count_ = 0;             ///< header fields in `slots_`
    std::uint64_t content_length_ = 0;  ///< as long as there is none that is well-formed
    std::size_t content_length_at_ = 0;
    bool has_content_length_ = false;
    bool failed_ = false, framing_lost_ = false;
};

/// RFC 3261 7.5: CRLFs before the start line are ignored. False: nothing else is there.
bool MessageScanner::skip_empty_lines() {
    if (input_.size() > 1 && input_.front() > '\r') return true;
    while (slice(input_, begin_).starts_with("\r\n") ||
           (leniency_.bare_line_feed && slice(input_, begin_).starts_with('\n')))
        begin_ += input_[begin_] == '\r' ? 2U : 1U;
    if (begin_ == input_.size()) {
        scan_.end = ScanEnd::nothing;
        scan_.consumed = begin_;
        return false;
    }
    if (is_stream() && slice(input_, begin_) == "\r") {
        scan_.end = ScanEnd::need_more;
        return false;
    }
    return true;
}

/// Nothing: the line does not end in what there is. A bare LF ends a line too, as an error unless
/// leniency allows it, so that the fields behind it can still be used for an answer.
std::optional<Line> MessageScanner::next_line(std::size_t from) {
    const std::size_t line_feed = head_.find('\n', from);
    if (line_feed == std::string_view::npos) return {};
    Line line{from, line_feed, line_feed + 1};
    if (line.end > from && head_[line.end - 1] == '\r') {
        --line.end;
    } else if (!leniency_.bare_line_feed) {
        fail_framing(Condition::malformed, "bare LF in the header section", line_feed);
    }
    return line;
}

/// The start line as nearly all are, in one walk: where the next line starts. 0, and nothing is
/// taken, for any other, with faults or without: `start_line` reads those, and this one no
/// otherwise.
std::size_t MessageScanner::usual_start_line() {
    if constexpr (built_for_size) return 0;
    const char *const at = head_.data() + begin_, *const end = head_.data() + head_.size();
    if (end - at < 32) return 0;
    const bool is_status = load_word<std::uint64_t>(at) == word_of("SIP/2.0 ");
    const char* const next = is_status ? usual_status_line(at, end) : usual_request_line(at, end);
    return next == nullptr ? 0 : static_cast<std::size_t>(next - head_.data());
}

/// A known method, a Request-URI and "SIP/2.0", with one space between them.
const char* MessageScanner::usual_request_line(const char* at, const char* end) {
    const scan::Mask spaces = scan::VectorBlock(at).equal(' ').mask();
    if (spaces == 0) return nullptr;
    const std::string_view name(at, scan::lowest(spaces));
    const Method method = detail::method_at(at, name.size());
    const char* const uri = at + name.size() + 1;
    const char* const space = scan::run_end<scan::RequestUri>(at, uri, end);
    if (method == Method::unknown || space == uri || end - space < 10 ||
        load_word<std::uint64_t>(space) != word_of(" SIP/2.0") ||
        load_word<std::uint16_t>(space + 8) != line_end || space - uri > limits_.uri_bytes)
        return nullptr;
    scan_.message.method = method;
    scan_.message.method_name = name;
    scan_.message.request_uri = {uri, static_cast<std::size_t>(space - uri)};
    return space + 10;
}

/// "SIP/2.0", three digits and plain text, with one space between them.
const char* MessageScanner::usual_status_line(const char* at, const char* end) {
    const char *const code = at + 8, *const reason = code + 4;
    const auto status = parse_decimal({code, 3}, 699);
    const char* const stop = scan::run_end<scan::Plain>(at, reason, end);
    if (!status || *status < 100 || code[3] != ' ' || end - stop < 2 ||
        load_word<std::uint16_t>(stop) != line_end)
        return nullptr;
    scan_.message.status = static_cast<std::uint16_t>(*status);
    scan_.message.reason = {reason, static_cast<std::size_t>(stop - reason)};
    return stop + 2;
}

void MessageScanner::start_line(const Line& line) {
    const char* const at = input_.data() + line.begin;
    // The slash has no other case.
    constexpr std::uint32_t letters = 0x00202020;
    if (line.end - line.begin >= 4 &&
        (load_word<std::uint32_t>(at) | letters) == load_word<std::uint32_t>("sip/"))
        status_line(line);
    else
        request_line(line);
}

/// RFC 3261 25.1: Request-Line = Method SP Request-URI SP SIP-Version CRLF
void MessageScanner::request_line(const Line& line) {
    const std::string_view all = text(line.begin, line.end);
    const std::size_t method_size = all.find(' ');
    if (method_size == std::string_view::npos)
        return fail(Condition::malformed, "Request-Line: no SP behind the method", line.begin);
    scan_.message.method_name = slice(all, 0, method_size);
    scan_.message.method = method_of(scan_.message.method_name);
    if (scan_.message.method == Method::unknown && !is_token(scan_.message.method_name))
        fail(Condition::malformed, "Request-Line: method is not a token", line.begin);

    std::size_t uri_begin = line.begin + method_size + 1, end = line.end;
    if (leniency_.spaces_in_request_line) {
        while (uri_begin < end && input_[uri_begin] == ' ') ++uri_begin;
        while (end > uri_begin && input_[end - 1] == ' ') --end;
    }
    if (end > uri_begin && input_[end - 1] == ' ')
        return fail(Condition::malformed, "Request-Line: SP at its end", end - 1);
    if (uri_begin < end && input_[uri_begin] == ' ')
        return fail(Condition::malformed, "Request-Line: more than one SP", uri_begin);
    const std::size_t space = text(uri_begin, end).rfind(' ');
    if (space == std::string_view::npos) {
        request_uri(uri_begin, end);
        return fail(Condition::malformed, "Request-Line: SIP-Version is missing", end);
    }
    const std::size_t version_begin = uri_begin + space + 1;
    std::size_t uri_end = uri_begin + space;
    if (leniency_.spaces_in_request_line)
        while (uri_end > uri_begin && input_[uri_end - 1] == ' ') --uri_end;
    request_uri(uri_begin, uri_end);
    if (!version(version_begin, end))
        fail(Condition::malformed, "Request-Line: SIP-Version is malformed", version_begin);
}

/// RFC 3261 7.1: no white space, no control characters, no <> around it. `parse_uri` does the rest.
void MessageScanner::request_uri(std::size_t begin, std::size_t end) {
    const std::string_view uri = text(begin, end);
    scan_.message.request_uri = uri;
    if (uri.empty()) return fail(Condition::malformed, "Request-URI is missing", begin);
    if (uri.size() > limits_.uri_bytes)
        return fail(Condition::uri_too_long, "Request-URI is over the size limit", begin);
    const char *const first = uri.data(), *const last = first + uri.size();
    const char* const bad = scan::find_end<scan::RequestUri>(first, first, last);
    if (bad == last) return;
    const std::size_t at = begin + static_cast<std::size_t>(bad - first);
    if (is_blank(*bad)) return fail(Condition::malformed, "Request-URI: white space in it", at);
    if (!scan::Plain::has(*bad))
        return fail(Condition::malformed, "Request-URI: byte that must be escaped", at);
    fail(Condition::malformed, "Request-URI: <, > or quote in it", at);
}

/// RFC 3261 7.1: compared in any case, as a literal. False: it has not the shape of a version.
bool MessageScanner::version(std::size_t begin, std::size_t end) {
    const std::string_view found = text(begin, end);
    constexpr std::string_view only = "SIP/2.0";
    if (equal_ignoring_case(found, only)) return true;
    if (!is_version_shaped(found)) return false;
    fail(Condition::version_not_supported, "SIP-Version is not 2.0", begin);
    return true;
}

/// RFC 3261 25.1: Status-Line = SIP-Version SP Status-Code SP Reason-Phrase CRLF
void MessageScanner::status_line(const Line& line) {
    const std::string_view all = text(line.begin, line.end);
    const std::size_t version_size = std::min(all.find(' '), all.size());
    if (!version(line.begin, line.begin + version_size))
        fail(Condition::malformed, "Status-Line: SIP-Version is malformed", line.begin);
    const std::size_t code_begin = std::min(line.begin + version_size + 1, line.end);
    const std::string_view rest = text(code_begin, line.end);
    const std::size_t code_size = std::min(rest.find(' '), rest.size());
    const auto code = parse_decimal(slice(rest, 0, code_size), 699);
    if (code_size != 3 || !code || *code < 100)
        return fail(Condition::malformed, "Status-Line: Status-Code is not 100 to 699", code_begin);
    scan_.message.status = static_cast<std::uint16_t>(*code);
    if (code_size == rest.size())
        return fail(Condition::malformed, "Status-Line: no SP behind the Status-Code", line.end);
    scan_.message.reason = slice(rest, code_size + 1);
    check_text(code_begin + code_size + 1, line.end, false);
}

/// What stands between them, without the spaces around it.
[[gnu::noinline, gnu::cold]] std::string_view without_spaces(const char* from, const char* to) {
    std::string_view text(from, static_cast<std::size_t>(to - from));
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

/// A line up to its end or to what is not plain, and the size of the name and the id of what has a
/// colon right behind a token; else a size of 0.
struct OddLine {
    const char* stop;
    std::size_t name_size;
    HeaderId id;
};
/// The one that starts at `at`.
[[gnu::noinline]] OddLine odd_line(const char* at, const char* end) {
    const char* const stop = scan::find_end<scan::Plain>(at, at, end);
    const std::string_view line(at, static_cast<std::size_t>(stop - at));
    if (line.size() >= 32) {
        const scan::Mask colons = scan::in_sixteen(at, ':') | scan::in_sixteen(at + 16, ':') << 16;
        const std::size_t size = colons == 0 ? 0 : scan::lowest(colons);
        if (size > 8)
            if (const HeaderId id = detail::long_header_id(at, size); id != HeaderId::unknown)
                return {stop, size, id};
    }
    const std::size_t colon = line.find(':');
    const std::string_view name = colon == line.npos ? std::string_view{} : slice(line, 0, colon);
    const HeaderId id = header_id_of(name);
    return {stop, id != HeaderId::unknown || is_token(name) ? name.size() : 0, id};
}

/// The header fields that are as nearly all are, from the line at `from` on: one line, a token and
/// a colon, no byte to look at twice, and a slot left. The first line that is another: `header`
/// judges it.
std::size_t MessageScanner::plain_headers(std::size_t from) {
    if constexpr (built_for_size) return from;
    if (head_.size() - from < 64) return from;
    // Behind the end of each line three bytes can be read, and sixteen where it starts.
    const char *const head = head_.data(), *const end = head + head_.size() - 3,
                      *const last = end - 16;
    const char* at = head + from;
    MessageView& message = scan_.message;
    HeaderField* const slots = slots_.data();
    const std::size_t count_max = std::min(slots_.size(), HeaderPlaces::fields_max);
    std::size_t count = count_;
    while (at <= last && count < count_max) {
        std::size_t name_size = scan::lowest(scan::in_sixteen(at, ':') | scan::Mask{1} << 16);
        HeaderId id = detail::short_header_id(at, name_size);
        // One space before the value and none behind it is what nearly all have.
        const char *value = at + name_size + 2, *stop;
        if (id != HeaderId::unknown) [[likely]] {
            stop = scan::run_end<scan::Plain>(head, value, end);
        } else {
            const OddLine odd = odd_line(at, end);
            if (odd.name_size == 0) break;
            stop = odd.stop;
            name_size = odd.name_size;
            id = odd.id;
            value = at + name_size + (at[name_size + 1] == ' ' ? 2 : 1);
        }
        if (load_word<std::uint16_t>(stop) != line_end) break;
        HeaderField& field = slots[count];
        field.id = id;
        field.name = {at, name_size};
        field.value = {value, static_cast<std::size_t>(stop - value)};
        if (*value == ' ' || stop[-1] == ' ') [[unlikely]]
            field.value = without_spaces(value, stop);
        if (!message.places.meet(id, ++count)) [[unlikely]]
            repeated(field, stop);
        at = stop + 2;
    }
    // What goes on in the next line, which is no header field, was taken too soon.
    if (count != count_ && is_blank(*at)) {
        --count;
        take_back(slots[count], count);
        at = slots[count].name.data();
    }
    count_ = count;
    plain_length();
    return static_cast<std::size_t>(at - head);
}

/// The last field, behind `count` others, is none.
void MessageScanner::take_back(const HeaderField& field, std::size_t count) {
    MessageView& message = scan_.message;
    message.places.take_back(field.id, count + 1);
    HeaderIds met;
    message.repeated = {};
    for (const HeaderField& each : slots_.first(count))
        (met.has(each.id) ? message.repeated : met).add(each.id);
}

/// The first Content-Length of those that are plain, unless it is known.
void MessageScanner::plain_length() {
    if (has_content_length_) return;
    const MessageView& message = scan_.message;
    if (const auto* field = message.places.first_of(HeaderId::content_length, slots_.data()))
        plain_length(*field);
}
void MessageScanner::plain_length(const HeaderField& field) {
    const char* const colon = field.name.data() + field.name.size();
    content_length(field.value, static_cast<std::size_t>(colon + 1 - input_.data()));
}

/// A plain header field, in a line that ends at `stop`, whose name was met before.
void MessageScanner::repeated(const HeaderField& field, const char* stop) {
    scan_.message.repeated.add(field.id);
    if (field.id != HeaderId::content_length || is_blank(stop[2])) return;
    plain_length();
    plain_length(field);
}

/// One header field; `line` becomes its last line. RFC 3261 7.3.1.
void MessageScanner::header(Line& line) {
    const std::size_t name_begin = line.begin;
    while (line.next < head_.size() && is_blank(head_[line.next])) {
        const std::optional<Line> folded = next_line(line.next);
        if (!folded) return void(line.next = head_.size());
        line.end = folded->end;
        line.next = folded->next;
    }
    if (is_blank(input_[name_begin]))
        return fail_framing(Condition::malformed, "start line is folded", name_begin);
    std::size_t at = name_begin;
    while (at < line.end && is_token_char(input_[at])) ++at;
    const std::string_view name = text(name_begin, at);
    while (at < line.end && is_blank(input_[at])) ++at;
    if (at == line.end || input_[at] != ':' || name.empty())
        return fail_framing(Condition::malformed, "header field: name or colon is malformed", at);
    ++at;
    check_text(at, line.end, true);

    const std::string_view value = trim(text(at, line.end));
    const HeaderId id = header_id_of(name);
    if (id == HeaderId::content_length) content_length(value, at);
    if (count_ == slots_.size()) return fail(Condition::malformed, too_many_headers, name_begin);
    slots_[count_++] = {id, name, value};
    MessageView& message = scan_.message;
    if (!message.places.meet(id, count_)) message.repeated.add(id);
}

/// RFC 3261 20.14. Two of them are an error even when they agree: nobody needs that, and readers
/// that differ in which one counts are what request smuggling lives on.
void MessageScanner::content_length(std::string_view value, std::size_t at) {
    if (!value.empty()) at = static_cast<std::size_t>(value.data() - input_.data());
    if (has_content_length_)
        return fail_framing(Condition::repeated_header, "Content-Length stands more than once", at);
    has_content_length_ = true;
    content_length_at_ = at;
    if (const auto size = parse_decimal(value))
        content_length_ = *size;
    else
        fail_framing(Condition::malformed, "Content-Length is not a number of octets", at);
}

/// RFC 3261 25.1 TEXT-UTF8 and quoted-pair: a control byte may stand only behind a backslash inside
/// a quoted string or a comment. With `quotes` false there are none of those.
void MessageScanner::check_text(std::size_t begin, std::size_t end, bool quotes) {
    const std::string_view all = text(begin, end);
    if (scan::find_end<scan::Plain>(all.data(), all.data(), all.data() + all.size()) ==
        all.data() + all.size())
        return;
    QuoteState state;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const char c = all[i];
        if (c == '\n') continue;  // a fold: `next_line` judged it
        if (c == '\r') {
            if (i + 1 < all.size() && all[i + 1] == '\n') continue;
            return fail_framing(Condition::malformed, "bare CR in the header section", begin + i);
        }
        if (static_cast<unsigned char>(c) >= 0x80) {
            const std::size_t size = utf8_size(slice(all, i));
            if (size == 0) return fail(Condition::malformed, "invalid UTF-8", begin + i);
            i += size - 1;
        } else if (is_control(c) && c != '\t') {
            return fail(Condition::malformed, "control character in the header section", begin + i);
        } else if (!quotes) {
            continue;
        } else if (c == '\\' && state.is_pair(slice(all, i))) {
            ++i;
        } else {
            state.pass(c);
        }
    }
}

/// The header section does not end in what there is.
void MessageScanner::no_end() {
    if (!is_stream() && leniency_.datagram_without_empty_line && input_.ends_with('\n')) {
        return body(input_.size());
    }
    if (!is_stream()) {
        fail_framing(Condition::malformed, "header section has no end", input_.size());
        return finish(input_.size());
    }
    if (input_.size() - begin_ < limits_.header_bytes) {
        scan_.end = ScanEnd::need_more;
        return;
    }
    failed_ = false;
    fail_framing(Condition::too_large, "header section is over the size limit", head_.size());
    return finish(head_.size());
}

/// RFC 3261 18.3. The header section ends at `begin`.
void MessageScanner::body(std::size_t begin) {
    const std::size_t rest = input_.size() - begin;
    std::size_t size = 0;
    if (is_stream()) {
        if (!has_content_length_ && !leniency_.stream_without_content_length)
            fail_framing(Condition::missing_header, "Content-Length is missing", begin);
        const std::uint64_t wanted = content_length_;
        if (wanted > limits_.message_bytes || begin - begin_ > limits_.message_bytes - wanted)
            fail_framing(Condition::too_large, "message is over the size limit",
                         content_length_at_);
        if (framing_lost_) return finish(begin);
        size = static_cast<std::size_t>(wanted);
        if (size > rest) {
            scan_.end = ScanEnd::need_more;
            scan_.needed = begin + size;
            return;
        }
    } else {
        const std::uint64_t wanted = has_content_length_ ? content_length_ : rest;
        if (wanted > rest)
            fail(Condition::mismatch, "Content-Length is more than what came", content_length_at_);
        size = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, rest));
    }
    if (size > limits_.body_bytes)
        fail(Condition::body_too_large, "body is over the size limit", begin);
    scan_.message.body = text(begin, begin + size);
    finish(begin + size);
}

void MessageScanner::finish(std::size_t end) {
    scan_.message.bytes = text(begin_, end);
    scan_.message.scanned = true;
    scan_.consumed = is_stream() ? end : input_.size();
    scan_.end = failed_ ? ScanEnd::broken : ScanEnd::complete;
    scan_.framed = is_stream() && failed_ && !framing_lost_;
}

}  // namespace

Scan scan_message(std::string_view input, std::span<HeaderField> slots, Framing framing,
                  const Limits& limits, const Leniency& leniency) {
    Scan scan;
    MessageScanner(scan, input, slots, framing, limits, leniency).run();
    return scan;
}

}  // namespace sip
