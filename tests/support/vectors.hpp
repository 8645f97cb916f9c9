#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// One message of tests/vectors/torture: of the kind that RFC 4475 or RFC 5118 describes under the
/// same name, in words of our own. A row of index.tsv there.
struct TortureVector {
    std::string name;  ///< "wsinv"
    std::string id;    ///< "R4475-3.1.1.1"
    std::string sort;  ///< valid, invalid, semantic, compat, liberal, unlisted
    bool is_request = false;
    /// What parsing it as a datagram comes to: "accept" or the name of a sip::Condition.
    std::string outcome;
    std::optional<std::size_t> offset;  ///< of the error, in our own message
    /// The same for a stream that ends behind it; "need_more" where it waits for the rest.
    std::string on_stream;
    std::string bytes;  ///< the message
};

/// All of them, in the order of the RFCs. Fails loudly when the files are not there.
const std::vector<TortureVector>& torture_vectors();
const TortureVector& torture_vector(std::string_view name);

/// The RFC's own message of that name, if this build was given a standards folder.
std::optional<std::string> original_torture_message(std::string_view name);

/// All bytes of a file. Throws when it cannot be read.
std::string read_file(const std::filesystem::path& path);
