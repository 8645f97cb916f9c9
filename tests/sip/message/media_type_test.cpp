#include "sip/message/media_type.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace sip;

namespace {
std::optional<std::uint16_t> accepted(const std::vector<std::string_view>& values,
                                      std::string_view type = "application/pidf+xml") {
    std::vector<HeaderField> fields;
    for (std::string_view value : values) fields.push_back({HeaderId::accept, "Accept", value});
    MessageView message;
    message.headers = fields;
    return acceptance_of(message, type);
}
}  // namespace

TEST_CASE("R3261-20.1-1: Accept is read with q, parameters and ranges") {
    CHECK_FALSE(accepted({}));
    CHECK(accepted({""}) == 0);
    CHECK(accepted({"application/pidf+xml"}) == 1000);
    CHECK(accepted({"Application/PIDF+XML;charset=utf-8;q=0.5"}) == 500);
    CHECK(accepted({"application/xpidf+xml, application/*;q=0.2"}) == 200);
    CHECK(accepted({"text/plain", "*/*;q=0.001"}) == 1);
    CHECK(accepted({"*/*, application/*;q=0.5, application/pidf+xml;q=0"}) == 0);
    CHECK(accepted({"text/plain"}) == 0);
    CHECK(accepted({"application"}) == 0);
    CHECK(accepted({"application/pidf+xml;q=7"}) == 0);
}

TEST_CASE("R3261-7.4.1-1: a media type has two halves and parameters") {
    const auto media = parse_media_type("text / html ; charset=\"ISO-8859-4\"");
    REQUIRE(media);
    CHECK(is_media_type(*media, "TEXT/html"));
    CHECK_FALSE(is_media_type(*media, "text/htm"));
    CHECK(media->parameters.value_of("charset") == "ISO-8859-4");
    for (const char* bad : {"", "text", "text/", "/html", "text/html;", "text/html x"})
        CHECK_MESSAGE(!parse_media_type(bad), bad);
}
