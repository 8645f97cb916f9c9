#include "pidf/schema.hpp"

#include <array>

#include "sip/base/text.hpp"

namespace pidf {
namespace {

using enum Type;

struct Global {
    sip::StaticText ns, name;
    Type type;
};
/// Elements that a schema declares at its top: they are what they are wherever they stand. An empty
/// name: every one of the namespace.
constexpr Global globals[] = {
    {pidf_namespace.data(), "presence", misplaced},
    {data_model_namespace.data(), "person", misplaced},
    {data_model_namespace.data(), "device", misplaced},
    {data_model_namespace.data(), "deviceID", uri},
    {rpid_namespace.data(), "activities", activities},
    {rpid_namespace.data(), "class", string},
    {rpid_namespace.data(), "mood", mood},
    {rpid_namespace.data(), "place-is", place_is},
    {rpid_namespace.data(), "place-type", place_type},
    {rpid_namespace.data(), "privacy", privacy},
    {rpid_namespace.data(), "relationship", relationship},
    {rpid_namespace.data(), "service-class", service_class},
    {rpid_namespace.data(), "sphere", sphere},
    {rpid_namespace.data(), "status-icon", status_icon},
    {rpid_namespace.data(), "time-offset", time_offset},
    {rpid_namespace.data(), "user-input", user_input},
    {timed_status_namespace.data(), "timed-status", timed_status},
    {cipid_namespace.data(), "card", uri},
    {cipid_namespace.data(), "display-name", string},
    {cipid_namespace.data(), "homepage", uri},
    {cipid_namespace.data(), "icon", uri},
    {cipid_namespace.data(), "map", uri},
    {cipid_namespace.data(), "sound", uri},
    {caps_namespace.data(), "servcaps", servcaps},
    {caps_namespace.data(), "devcaps", devcaps},
    {geopriv_namespace.data(), "geopriv", geopriv},
    {location_type_namespace.data(), "", empty},
};

constexpr AttributeRule timed[] = {
    {"from", Simple::date_time}, {"until", Simple::date_time}, {"id", Simple::id}};
constexpr AttributeRule offset_attributes[] = {{"from", Simple::date_time},
                                               {"until", Simple::date_time},
                                               {"description", Simple::string},
                                               {"id", Simple::id}};
constexpr AttributeRule input_attributes[] = {{"idle-threshold", Simple::positive_integer},
                                              {"last-input", Simple::date_time},
                                              {"id", Simple::id}};
constexpr AttributeRule timed_status_attributes[] = {{"from", Simple::date_time, true},
                                                     {"until", Simple::date_time}};
constexpr AttributeRule value_attribute[] = {{"value", Simple::integer, true}};
constexpr AttributeRule minimum_attribute[] = {{"minvalue", Simple::integer, true}};
constexpr AttributeRule maximum_attribute[] = {{"maxvalue", Simple::integer, true}};
constexpr AttributeRule range_attributes[] = {{"minvalue", Simple::integer, true},
                                              {"maxvalue", Simple::integer, true}};

// RFC 4480 5. Its text has "lunch" too, its schema has not.
constexpr Child activity_children[] = {
    {"note other", note, true},
    {"unknown appointment away breakfast busy dinner holiday in-transit looking-for-work meal "
     "meeting on-the-phone performance permanent-absence playing presentation shopping sleeping "
     "spectator steering travel tv vacation working worship",
     empty, true}};
constexpr Child mood_children[] = {
    {"note other", note, true},
    {"unknown afraid amazed angry annoyed anxious ashamed bored brave calm cold confused "
     "contented cranky curious depressed disappointed disgusted distracted embarrassed excited "
     "flirtatious frustrated grumpy guilty happy hot humbled humiliated hungry hurt impressed "
     "in_awe in_love indignant interested invincible jealous lonely mean moody nervous neutral "
     "offended playful proud relieved remorseful restless sad sarcastic serious shocked shy sick "
     "sleepy stressed surprised thirsty worried",
     empty, true}};
constexpr Child place_is_children[] = {
    {"note", note, true}, {"audio", place_audio}, {"video", place_video}, {"text", place_text}};
constexpr Child place_audio_children[] = {{"noisy ok quiet unknown", empty}};
constexpr Child place_video_children[] = {{"toobright ok dark unknown", empty}};
constexpr Child place_text_children[] = {{"uncomfortable inappropriate ok unknown", empty}};
constexpr Child place_type_children[] = {{"note other", note, true}};
constexpr Child privacy_children[] = {{"note", note, true}, {"unknown audio text video", empty}};
constexpr Child relationship_children[] = {
    {"note other", note, true},
    {"assistant associate family friend self supervisor unknown", empty}};
constexpr Child service_class_children[] = {
    {"note", note, true}, {"courier electronic freight in-person postal unknown", empty}};
constexpr Child sphere_children[] = {{"home work unknown", empty}};

// RFC 4481 3.
constexpr Child timed_status_children[] = {{"basic", basic}, {"note", note}};

// RFC 5196 5.
constexpr Child servcaps_children[] = {{"actor", actor_support},
                                       {"application audio", boolean},
                                       {"automata", boolean},
                                       {"class", class_support},
                                       {"control data", boolean},
                                       {"description", note, true},
                                       {"duplex", duplex_support},
                                       {"event-packages", event_support},
                                       {"extensions", extension_support},
                                       {"isfocus message", boolean},
                                       {"methods", method_support},
                                       {"languages", language_support},
                                       {"priority", priority_support},
                                       {"schemes", scheme_support},
                                       {"text", boolean},
                                       {"type", string, true},
                                       {"video", boolean}};
constexpr Child devcaps_children[] = {{"description", note, true}, {"mobility", mobility_support}};
template <Type of>
constexpr Child support[] = {{"supported notsupported", of}};
constexpr Child class_children[] = {{"business personal", string}};
constexpr Child duplex_children[] = {{"full half receive-only send-only", string}};
constexpr Child event_children[] = {
    {"conference dialog kpml message-summary poc-settings presence reg refer Siemens-RTP-Stats "
     "spirits-INDPs spirits-user-prof winfo",
     string}};
constexpr Child priority_children[] = {{"equals", equal_to, true},
                                       {"higherhan", higher_than, true},
                                       {"lowerthan", lower_than, true},
                                       {"range", range, true}};
constexpr Child method_children[] = {
    {"ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SUBSCRIBE "
     "UPDATE",
     string}};
constexpr Child extension_children[] = {
    {"rel100 early-session eventlist from-change gruu hist-info join norefersub path precondition "
     "pref privacy recipient-list-invite recipient-list-subscribe replaces resource-priority "
     "sdp-anat sec-agree tdialog timer",
     string}};
constexpr Child scheme_children[] = {{"s", string, true, true}};
constexpr Child actor_children[] = {{"attendant information msg-taker principal", string}};
constexpr Child language_children[] = {{"l", string, true, true}};
constexpr Child mobility_children[] = {{"fixed mobile", string}};

// RFC 4119 2.2.5.
constexpr Child geopriv_children[] = {{"location-info", location, false, true},
                                      {"usage-rules", usage_rules, false, true},
                                      {"method", note},
                                      {"provided-by", provider}};
constexpr Child usage_rules_children[] = {{"retransmission-allowed", boolean},
                                          {"retention-expiry", date_time},
                                          {"external-ruleset", uri},
                                          {"note-well", note}};

constexpr TypeRow text_row(Simple what, Few<AttributeRule> attributes = {}) {
    TypeRow made;
    made.simple = what;
    made.attributes = attributes;
    return made;
}
constexpr TypeRow children_row(Content content, std::string_view ns, Few<Child> children) {
    TypeRow made;
    made.content = content;
    made.ns = ns.data();
    made.children = children;
    return made;
}
constexpr TypeRow rpid_row(Content content, Few<Child> children) {
    return children_row(content, rpid_namespace, children);
}
constexpr TypeRow caps_row(Few<Child> children) {
    return children_row(Content::sequence, caps_namespace, children);
}

constexpr TypeRow with_attributes(TypeRow made, Few<AttributeRule> attributes) {
    made.attributes = attributes;
    return made;
}
constexpr TypeRow with_any_attribute(TypeRow made) {
    made.any_attribute = true;
    return made;
}
constexpr TypeRow with_others(TypeRow made) {
    made.others = true;
    return made;
}
constexpr TypeRow with_a_child(TypeRow made) {
    made.needs_child = true;
    return made;
}
constexpr TypeRow timed_row(TypeRow made) {
    return with_any_attribute(with_attributes(made, timed));
}

using Rows = std::array<TypeRow, static_cast<std::size_t>(Type::count)>;
constexpr TypeRow& at(Rows& rows, Type type) { return rows[static_cast<std::size_t>(type)]; }

constexpr void fill_texts(Rows& rows) {
    at(rows, foreign).content = at(rows, misplaced).content = Content::foreign;
    at(rows, empty) = text_row(Simple::nothing);
    at(rows, uri) = text_row(Simple::uri);
    at(rows, boolean) = text_row(Simple::boolean);
    at(rows, date_time) = text_row(Simple::date_time);
    at(rows, note).language = true;
    at(rows, basic) = text_row(Simple::basic);
    at(rows, equal_to) = text_row(Simple::nothing, value_attribute);
    at(rows, higher_than) = text_row(Simple::nothing, minimum_attribute);
    at(rows, lower_than) = text_row(Simple::nothing, maximum_attribute);
    at(rows, range) = text_row(Simple::nothing, range_attributes);
}
constexpr void fill_rpid(Rows& rows) {
    constexpr auto sequence = Content::sequence;
    constexpr auto one_of = Content::one_of, any_of = Content::any_of;
    at(rows, activities) = timed_row(with_others(rpid_row(any_of, activity_children)));
    at(rows, mood) = timed_row(with_others(with_a_child(rpid_row(any_of, mood_children))));
    at(rows, place_is) = timed_row(rpid_row(sequence, place_is_children));
    at(rows, place_audio) = with_a_child(rpid_row(one_of, place_audio_children));
    at(rows, place_video) = with_a_child(rpid_row(one_of, place_video_children));
    at(rows, place_text) = with_a_child(rpid_row(one_of, place_text_children));
    at(rows, place_type) =
        timed_row(with_others(with_a_child(rpid_row(one_of, place_type_children))));
    at(rows, privacy) = timed_row(with_others(rpid_row(sequence, privacy_children)));
    at(rows, relationship) = with_others(rpid_row(one_of, relationship_children));
    at(rows, service_class) = with_others(with_a_child(rpid_row(one_of, service_class_children)));
    at(rows, sphere) = timed_row(with_others(rpid_row(one_of, sphere_children)));
    at(rows, status_icon) = with_any_attribute(text_row(Simple::uri, timed));
    at(rows, time_offset) = with_any_attribute(text_row(Simple::integer, offset_attributes));
    at(rows, user_input) = with_any_attribute(text_row(Simple::user_input, input_attributes));
    at(rows, timed_status) = with_attributes(
        with_others(children_row(sequence, timed_status_namespace, timed_status_children)),
        timed_status_attributes);
}
constexpr void fill_caps(Rows& rows) {
    at(rows, servcaps) = with_any_attribute(with_others(caps_row(servcaps_children)));
    at(rows, devcaps) = with_any_attribute(with_others(caps_row(devcaps_children)));
    at(rows, class_support) = caps_row(support<class_names>);
    at(rows, class_names) = with_others(caps_row(class_children));
    at(rows, duplex_support) = caps_row(support<duplex_names>);
    at(rows, duplex_names) = with_others(caps_row(duplex_children));
    at(rows, event_support) = caps_row(support<event_names>);
    at(rows, event_names) = with_others(caps_row(event_children));
    at(rows, priority_support) = caps_row(support<priority_ranges>);
    at(rows, priority_ranges) = with_others(caps_row(priority_children));
    at(rows, method_support) = caps_row(support<method_names>);
    at(rows, method_names) = with_others(caps_row(method_children));
    at(rows, extension_support) = caps_row(support<extension_names>);
    at(rows, extension_names) = with_others(caps_row(extension_children));
    at(rows, scheme_support) = caps_row(support<scheme_names>);
    at(rows, scheme_names) = caps_row(scheme_children);
    at(rows, actor_support) = caps_row(support<actor_names>);
    at(rows, actor_names) = with_others(caps_row(actor_children));
    at(rows, language_support) = caps_row(support<language_names>);
    at(rows, language_names) = caps_row(language_children);
    at(rows, mobility_support) = caps_row(support<mobility_names>);
    at(rows, mobility_names) = with_others(caps_row(mobility_children));
}
constexpr void fill_geopriv(Rows& rows) {
    constexpr auto sequence = Content::sequence;
    at(rows, geopriv) = with_others(children_row(sequence, geopriv_namespace, geopriv_children));
    at(rows, location) = with_others(children_row(sequence, geopriv_namespace, {}));
    at(rows, usage_rules) =
        with_others(children_row(sequence, geopriv_policy_namespace, usage_rules_children));
    at(rows, provider) = with_a_child(with_others(children_row(sequence, geopriv_namespace, {})));
}
constexpr Rows make_rows() {
    Rows rows{};
    fill_texts(rows);
    fill_rpid(rows);
    fill_caps(rows);
    fill_geopriv(rows);
    return rows;
}
constexpr Rows rows = make_rows();

/// How many names a list with a blank between two has.
constexpr int count_of(std::string_view names) {
    int count = names.empty() ? 0 : 1;
    for (char c : names) count += c == ' ' ? 1 : 0;
    return count;
}
/// Where `name` stands in such a list; npos: nowhere.
constexpr std::size_t find_in(std::string_view names, std::string_view name) {
    constexpr auto none = std::string_view::npos;
    if (name.empty() || name.find(' ') != none) return none;
    for (auto at = names.find(name); at != none; at = names.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        if ((at == 0 || names[at - 1] == ' ') && (end == names.size() || names[end] == ' '))
            return at;
    }
    return none;
}

constexpr bool ranks_fit() {
    for (const TypeRow& one : rows) {
        int all = 0;
        for (const Child& child : one.children) all += count_of(child.names);
        // One more for elements of other namespaces.
        if (one.content == Content::sequence && all + 1 > static_cast<int>(ranks_max)) return false;
    }
    return true;
}
static_assert(ranks_fit());

}  // namespace

int TypeRow::rank(std::string_view name) const {
    int before = 0;
    for (const Child& child : children) {
        const auto at = find_in(child.names, name);
        if (at != std::string_view::npos)
            return before + count_of(sip::slice(child.names, 0, at + 1)) - 1;
        before += count_of(child.names);
    }
    return -1;
}

const Child* TypeRow::find(std::string_view name) const {
    for (const Child& child : children)
        if (find_in(child.names, name) != std::string_view::npos) return &child;
    return nullptr;
}

const AttributeRule* TypeRow::find_attribute(std::string_view name) const {
    for (const AttributeRule& rule : attributes)
        if (rule.name == name) return &rule;
    return nullptr;
}

const TypeRow& row(Type type) { return rows[static_cast<std::size_t>(type)]; }

Type global_type(std::string_view ns, std::string_view name) {
    for (const Global& global : globals)
        if (global.ns == ns && (global.name.empty() || global.name == name)) return global.type;
    return Type::foreign;
}

}  // namespace pidf
