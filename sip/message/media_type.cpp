#include "sip/message/media_type.hpp"

#include "sip/message/parameter_walk.hpp"
#include "sip/message/qvalue.hpp"
#include "sip/message/usual.hpp"

namespace sip {

namespace {

/// The first of the parameters that means something; nothing when it is absent.
struct Asked {
    std::optional<std::string_view> q;

    void meet(const Parameter& parameter) {
        if (!q && name_word(parameter.name) == name_word("q")) q = parameter.value;
    }
};

/// False: q is malformed.
bool keep(std::uint16_t& q, const Asked& asked) {
    q = 1000;
    if (!asked.q) return true;
    const auto parsed = parse_qvalue(*asked.q);
    if (parsed) q = *parsed;
    return parsed.has_value();
}

/// One as nearly all are, from the start of `text` on: the comma behind it, or the end; null: it is
/// another.
const char* read_usual(MediaType& media, std::string_view text) {
    usual::TextEnds ends(text);
    const char* const slash = usual::take_past(ends, Class::token);
    if (ends.at(slash) != '/' || slash == text.data()) return nullptr;
    const char* const subtype = slash + 1;
    const char* const type_end = usual::take_past(ends, Class::token);
    if (type_end == subtype) return nullptr;
    Asked asked;
    const char* const end = usual::read_parameters(ends, type_end, [&asked](const Parameter& one) {
        asked.meet(one);
        return true;
    });
    if (end == nullptr || (end != ends.end() && *end != ',') || !keep(media.q, asked))
        return nullptr;
    media.type = usual::between(text.data(), slash);
    media.subtype = usual::between(subtype, type_end);
    media.parameters = Parameters(usual::between(type_end, end));
    return end;
}

Expected<void> read_media_type(MediaType& media, Scanner& scanner, Ends ends) {
    media = {};
    scanner.skip_lws();
    media.type = scanner.take_token();
    if (media.type.empty() || !scanner.take_separator('/'))
        return failure(Condition::malformed, "Media type is malformed", scanner.at());
    media.subtype = scanner.take_token();
    if (media.subtype.empty())
        return failure(Condition::malformed, "Media subtype is missing", scanner.at());
    Asked asked;
    const auto walked = walk_parameters(scanner, media.parameters, ends,
                                        [&asked](const Parameter& one) { asked.meet(one); });
    if (!walked) return walked;
    if (!keep(media.q, asked)) return failure(Condition::malformed, "Media type: q is malformed");
    return {};
}

}  // namespace

Expected<MediaType> parse_media_type(std::string_view value) {
    Expected<MediaType> media;
    if (!built_for_size && !value.empty())
        if (read_usual(*media, value) == value.data() + value.size()) return media;
    Scanner scanner(value);
    if (const auto read = read_media_type(*media, scanner, Ends::with_text); !read)
        media = tl::unexpected(read.error());
    return media;
}

std::optional<Expected<MediaType>> next_media_type(std::string_view& rest) {
    std::optional<Expected<MediaType>> result(std::in_place);
    if constexpr (!built_for_size) {
        std::string_view text = rest;
        while (text.starts_with(' ')) text.remove_prefix(1);
        if (!text.empty())
            if (const char* const end = read_usual(**result, text)) {
                const char* const text_end = text.data() + text.size();
                rest = usual::between(end == text_end ? end : end + 1, text_end);
                return result;
            }
    }
    Error error;
    const Taken taken = take_value(rest, error, ListRule{.may_end_in_comma = true},
                                   [&media = **result](Scanner& scanner, Ends ends) {
                                       return read_media_type(media, scanner, ends);
                                   });
    if (taken == Taken::none) result.reset();
    if (taken == Taken::fault) *result = tl::unexpected(error);
    return result;
}

bool is_media_type(const MediaType& media, std::string_view type) {
    const Halves halves = split_at(type, '/');
    return equal_ignoring_case(media.type, halves.before) &&
           equal_ignoring_case(media.subtype, halves.after);
}

std::optional<std::uint16_t> acceptance_of(const MessageView& message, std::string_view type) {
    const Halves halves = split_at(type, '/');
    bool any = false;
    int best = 0;  // how specific the range was that decided
    std::uint16_t q = 0;
    for (const HeaderField& field : message.headers) {
        if (field.id != HeaderId::accept) continue;
        any = true;
        std::string_view rest = field.value;
        while (const auto media = next_media_type(rest)) {
            if (!*media) return std::uint16_t{0};
            int specific = 0;
            if (is_media_type(**media, type))
                specific = 3;
            else if ((*media)->subtype == "*" && equal_ignoring_case((*media)->type, halves.before))
                specific = 2;
            else if ((*media)->type == "*" && (*media)->subtype == "*")
                specific = 1;
            if (specific <= best) continue;
            best = specific;
            q = (*media)->q;
        }
    }
    if (!any) return {};
    return q;
}

}  // namespace sip
