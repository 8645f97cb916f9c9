#pragma once

#include <cstdint>
#include <string_view>

#include "pidf/element.hpp"
#include "pidf/namespaces.hpp"
#include "sip/base/error.hpp"

namespace pidf {

/// What the XML schemas of RFC 4479, 4480, 4481, 4482, 5196, 4119 and 4589 say of extensions, as
/// tables, and the pass over an extension that makes it valid (conformer.hpp).

/// Types of elements. Every value is a row of the table.
enum class Type : std::uint8_t {
    foreign,  ///< of no schema known here: any children, any attributes
    empty,
    string,
    uri,
    boolean,
    date_time,
    note,
    activities,
    mood,
    place_is,
    place_audio,
    place_video,
    place_text,
    place_type,
    privacy,
    relationship,
    service_class,
    sphere,
    status_icon,
    time_offset,
    user_input,
    timed_status,
    basic,
    servcaps,
    devcaps,
    class_support,
    class_names,
    duplex_support,
    duplex_names,
    event_support,
    event_names,
    priority_support,
    priority_ranges,
    equal_to,
    higher_than,
    lower_than,
    range,
    method_support,
    method_names,
    extension_support,
    extension_names,
    scheme_support,
    scheme_names,
    actor_support,
    actor_names,
    language_support,
    language_names,
    mobility_support,
    mobility_names,
    geopriv,
    location,
    usage_rules,
    provider,
    misplaced,  ///< has its place in a document, and it is another one
    count
};

enum class Content : std::uint8_t {
    foreign,   ///< anything
    simple,    ///< text alone
    sequence,  ///< the children of the row in its order, then elements of other namespaces
    one_of,    ///< notes, then one of the children or elements of other namespaces
    any_of     ///< notes, then any of the children and elements of other namespaces
};

enum class Simple : std::uint8_t {
    string,
    uri,
    boolean,
    integer,
    positive_integer,
    date_time,
    id,
    basic,
    user_input,
    nothing  ///< not even a blank
};

struct Child {
    sip::StaticText names;  ///< with a blank between two; in a sequence in this order
    Type type;
    bool many = false;
    bool required = false;
};

struct AttributeRule {
    sip::StaticText name;
    Simple simple;
    bool required = false;
};

/// Some rows of a table.
template <class T>
class Few {
public:
    constexpr Few() = default;
    template <std::size_t count>
    constexpr Few(const T (&rows)[count]) : first_(rows), count_(count) {}
    constexpr const T* begin() const { return first_; }
    constexpr const T* end() const { return first_ + count_; }

private:
    const T* first_ = nullptr;
    std::uint32_t count_ = 0;
};

struct TypeRow {
    Content content = Content::simple;
    Simple simple = Simple::string;
    bool any_attribute = false;  ///< also others than those
    bool language = false;       ///< xml:lang too
    bool others = false;         ///< elements of other namespaces as children
    bool needs_child = false;    ///< other than a note
    sip::StaticText ns;          ///< of its children
    Few<Child> children;
    Few<AttributeRule> attributes;

    /// The rank of a name among those of all children; -1: not listed.
    int rank(std::string_view name) const;
    /// The child that has this name, or null.
    const Child* find(std::string_view name) const;
    const AttributeRule* find_attribute(std::string_view name) const;
};

const TypeRow& row(Type type);
/// The type of an element that stands where any may.
Type global_type(std::string_view ns, std::string_view name);

/// No row lists more names of children.
inline constexpr std::size_t ranks_max = 32;

}  // namespace pidf
