#include "sip/transaction/response_tails.hpp"

#include "sip/base/text.hpp"

namespace sip {
namespace {

/// Stand in a form where the entity-tag and the expiry were. A text that has such a byte of its own
/// is kept whole.
constexpr char tag_mark = '\x01', expires_mark = '\x02';
constexpr std::string_view tag_field = "SIP-ETag: ", expires_field = "Expires: ", line_end = "\r\n";
constexpr std::size_t tag_digits = 24, form_bytes_max = 1'024;
constexpr std::uint64_t expires_max = UINT32_MAX;

/// The first of either in `text`; its size where there is none.
std::size_t find_mark(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && text[at] != tag_mark && text[at] != expires_mark) ++at;
    return at;
}

bool has_mark(std::string_view text) {
    unsigned found = 0;
    for (const char c : text)
        found |= static_cast<unsigned>(c == tag_mark) | static_cast<unsigned>(c == expires_mark);
    return found != 0;
}

/// Only what is written again as it was.
bool read_tag(std::string_view text, std::array<std::uint8_t, 12>& tag) {
    if (text.size() != tag_digits) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return false;
        tag[i / 2] = static_cast<std::uint8_t>(i % 2 == 0 ? digit << 4 : tag[i / 2] | digit);
    }
    return true;
}

bool read_expires(std::string_view text, std::uint32_t& expires) {
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
    const auto number = parse_decimal(text, expires_max);
    if (number) expires = static_cast<std::uint32_t>(*number);
    return number.has_value();
}

/// The first entity-tag and the first expiry are left out.
void write_form(Appender& out, std::string_view bytes, ResponseTails::Tail& tail) {
    bool has_tag = false, has_expires = false;
    while (!bytes.empty()) {
        const std::size_t end = bytes.find(line_end);
        const std::string_view line = slice(bytes, 0, end);
        bytes.remove_prefix(line.size());
        if (!has_tag && line.starts_with(tag_field) &&
            read_tag(slice(line, tag_field.size()), tail.tag)) {
            has_tag = true;
            out << tag_field << tag_mark;
        } else if (!has_expires && line.starts_with(expires_field) &&
                   read_expires(slice(line, expires_field.size()), tail.expires)) {
            has_expires = true;
            out << expires_field << expires_mark;
        } else {
            out << line;
        }
        if (end == std::string_view::npos) break;
        out << line_end;
        bytes.remove_prefix(line_end.size());
    }
}

}  // namespace

ResponseTails::ResponseTails(Shard& shard)
    : shard_(shard), forms_(shard.memory, shard.limits.response_forms), by_text_(shard.memory) {
    shard.reserve(shard.limits.response_forms, forms_, by_text_);
}

ResponseTails::~ResponseTails() = default;

bool ResponseTails::keep(std::string_view reason, std::string_view bytes, Tail& tail) {
    Room<form_bytes_max> form;
    form << reason << '\n';
    if (!has_mark(bytes) && !has_mark(reason))
        write_form(form, bytes, tail);
    else
        form.fail();
    if (!form.overflowed()) tail.form = find_form(form.view());
    if (tail.form != no_form) return true;
    tail.whole = SharedBytes::make(shard_.memory, reason.size() + 1 + bytes.size(),
                                   [&](std::span<char> whole) {
                                       Appender out(whole);
                                       out << reason << '\n' << bytes;
                                   });
    return static_cast<bool>(tail.whole);
}

/// None: it is new, or there is no room; what is kept whole is right as well.
std::uint16_t ResponseTails::find_form(std::string_view text) {
    const std::uint64_t hash = KeyedHash(shard_.key).add(text).finish();
    const std::uint32_t known = by_text_.find(hash, [&](std::uint32_t i) {
        return forms_.at(i).hash == hash && forms_.at(i).text.view() == text;
    });
    if (known != HashIndex::none) {
        ++forms_.at(known).used;
        return static_cast<std::uint16_t>(known);
    }
    std::uint32_t& seen = seen_[static_cast<std::size_t>(hash) % seen_.size()];
    const auto mark = static_cast<std::uint32_t>(hash >> 32 | 1);
    if (seen != mark) {
        seen = mark;
        return no_form;
    }
    if (forms_.full()) {
        ++shard_.counters.limit_response_forms;
        return no_form;
    }
    SharedBytes copy = SharedBytes::copy(shard_.memory, text);
    const Handle made =
        copy && by_text_.reserve_one() ? forms_.create(Form{hash, std::move(copy), 1}) : Handle{};
    if (!made) {
        ++shard_.counters.limit_memory;
        return no_form;
    }
    const bool kept = by_text_.insert(hash, made.index);
    SIP_ASSERT(kept);
    return static_cast<std::uint16_t>(made.index);
}

std::string_view ResponseTails::text_of(const Tail& tail) const {
    if (tail.form == no_form) return tail.whole.view();
    return const_cast<Slab<Form>&>(forms_).at(tail.form).text.view();
}

std::string_view ResponseTails::reason_of(const Tail& tail) const {
    const std::string_view text = text_of(tail);
    return slice(text, 0, text.find('\n'));
}

void ResponseTails::write(Appender& out, const Tail& tail) const {
    std::string_view text = text_of(tail);
    text.remove_prefix(text.find('\n') + 1);
    if (tail.form == no_form) {
        out << text;
        return;
    }
    for (;;) {
        const std::size_t mark = find_mark(text);
        out << slice(text, 0, mark);
        if (mark == text.size()) return;
        if (text[mark] == expires_mark)
            out << tail.expires;
        else
            for (const std::uint8_t byte : tail.tag) out.hex(byte, 2);
        text.remove_prefix(mark + 1);
    }
}

void ResponseTails::trim() {
    forms_.trim();
    by_text_.trim();
}

void ResponseTails::release(Tail& tail) {
    if (tail.form != no_form && --forms_.at(tail.form).used == 0) {
        by_text_.erase(forms_.at(tail.form).hash, tail.form);
        forms_.destroy(forms_.handle_at(tail.form));
    }
    tail = {};
}

}  // namespace sip
