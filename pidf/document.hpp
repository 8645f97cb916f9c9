#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "pidf/element.hpp"

namespace pidf {

/// The presence information data format: RFC 3863, with person and device of RFC 4479. All nodes
/// and views live in one arena; nodes of one arena may move between documents.

enum class Basic : std::uint8_t { open, closed };

/// Human text. RFC 3863 4.1.6.
struct Note {
    std::string_view text;
    std::string_view lang;  ///< xml:lang; empty when absent
    Note* next = nullptr;
};

/// Text as it was written, and its instant when it could be read.
struct Timestamp {
    std::string_view text;
    std::optional<std::int64_t> wall_ms;
};

/// A service. RFC 3863 4.1.2, RFC 4479 3.3.
struct Tuple {
    std::string_view id;
    std::optional<Basic> basic;  ///< nothing is made up when absent
    List<Element> status_extensions;
    std::string_view contact;               ///< a URI; empty when absent
    std::optional<std::uint16_t> priority;  ///< of the contact, in thousandths
    List<Note> notes;
    Timestamp timestamp;
    List<Element> extensions;         ///< in order; dm:deviceID among them
    std::string_view withheld_class;  ///< rpid:class that a filter took out: not written
    Tuple* next = nullptr;
};

/// RFC 4479 3.2. What RFC 4480 adds (activities, ...) stands among `extensions`.
struct Person {
    std::string_view id;
    List<Note> notes;
    Timestamp timestamp;
    List<Element> extensions;
    std::string_view withheld_class;  ///< rpid:class that a filter took out: not written
    Person* next = nullptr;
};

/// RFC 4479 3.4.
struct Device {
    std::string_view id, device_id;
    List<Note> notes;
    Timestamp timestamp;
    List<Element> extensions;
    std::string_view withheld_class;  ///< rpid:class that a filter took out: not written
    Device* next = nullptr;
};

struct Document {
    std::string_view entity;  ///< URI of the presentity
    List<Tuple> tuples;
    List<Note> notes;
    List<Person> persons;
    List<Device> devices;
    List<Element> extensions;
};

/// New nodes at the end of their lists; null when the arena refused. Views are not copied.
Tuple* add_tuple(Document& document, Arena& arena, std::string_view id);
Person* add_person(Document& document, Arena& arena, std::string_view id);
Device* add_device(Document& document, Arena& arena, std::string_view id, std::string_view device);
Note* add_note(List<Note>& notes, Arena& arena, std::string_view text, std::string_view lang = {});

/// RFC 4480 3.2: puts rpid:activities with this one activity into a person, or adds it to those
/// that are there; as the text of rpid:other when RFC 4480 5 does not list it. False: the arena
/// refused.
bool add_activity(Person& person, Arena& arena, std::string_view activity);

/// Whether RFC 4480 3.2 lists it.
bool is_activity(std::string_view name);

/// The name of the `index`th activity of a person ("away", "on-the-phone"; of rpid:other its
/// text); empty behind the last.
std::string_view activity_of(const Person& person, std::size_t index);

/// The device that a tuple refers to (RFC 4479 3.4), or an empty text.
std::string_view device_of(const Tuple& tuple);

}  // namespace pidf
