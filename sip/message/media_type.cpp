#include "sip/message/media_type.hpp"

#include "sip/message/qvalue.hpp"
#include "sip/message/scanner.hpp"

namespace sip {

Expected<MediaType> parse_media_type(std::string_view value) {
    Scanner scanner(value);
    MediaType media;
    scanner.skip_lws();
    media.type = scanner.take_token();
    if (media.type.empty() || !scanner.take_separator('/'))
        return failure(Condition::malformed, "Media type is malformed", scanner.at());
    media.subtype = scanner.take_token();
    if (media.subtype.empty())
        return failure(Condition::malformed, "Media subtype is missing", scanner.at());
    const auto parameters = parse_parameters(scanner.rest(), scanner.at());
    if (!parameters) return tl::unexpected(parameters.error());
    media.parameters = *parameters;
    if (const auto q = media.parameters.find("q")) {
        const auto parsed = parse_qvalue(q->value);
        if (!parsed) return failure(Condition::malformed, "Media type: q is malformed");
        media.q = *parsed;
    }
    return media;
}

std::optional<Expected<MediaType>> next_media_type(std::string_view& rest) {
    if (trim(rest).empty()) return {};
    const ListElement element = take_element(rest);
    if (element.text.empty()) {
        rest = {};
        return Expected<MediaType>(failure(Condition::malformed, "List: element is empty"));
    }
    auto parsed = parse_media_type(element.text);
    if (!parsed) rest = {};
    return parsed;
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
