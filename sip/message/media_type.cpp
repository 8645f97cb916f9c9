#include "sip/message/media_type.hpp"

#include "sip/message/parameter_walk.hpp"
#include "sip/message/qvalue.hpp"

namespace sip {

namespace {

Expected<void> read_media_type(MediaType& media, Scanner& scanner, Ends ends) {
    media = {};
    scanner.skip_lws();
    media.type = scanner.take_run(Class::token);
    if (media.type.empty() || !scanner.take_separator('/'))
        return failure(Condition::malformed, "Media type is malformed", scanner.at());
    media.subtype = scanner.take_run(Class::token);
    if (media.subtype.empty())
        return failure(Condition::malformed, "Media subtype is missing", scanner.at());
    std::optional<std::string_view> q;
    const auto walked =
        walk_parameters(scanner, media.parameters, ends, [&q](const Parameter& one) {
            if (!q && name_word(one.name) == name_word("q")) q = one.value;
        });
    if (!walked) return walked;
    if (q) {
        const auto parsed = parse_qvalue(*q);
        if (!parsed) return failure(Condition::malformed, "Media type: q is malformed");
        media.q = *parsed;
    }
    return {};
}

}  // namespace

Expected<MediaType> parse_media_type(std::string_view value) {
    Expected<MediaType> media;
    Scanner scanner(value);
    if (const auto read = read_media_type(*media, scanner, Ends::with_text); !read)
        media = tl::unexpected(read.error());
    return media;
}

std::optional<Expected<MediaType>> next_media_type(std::string_view& rest) {
    std::optional<Expected<MediaType>> result(std::in_place);
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
