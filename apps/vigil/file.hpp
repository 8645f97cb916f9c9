#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "apps/edge/net/outcome.hpp"

namespace vigil {

/// Everything a command reads at once is bounded by this.
inline constexpr std::size_t file_bytes_max = std::size_t{16} << 20;

/// The whole of a file, "-" being standard input. The error says which and why.
edge::Outcome<std::string> read_file(const std::string& path);

/// Who may read a file that `edit_file` leaves.
enum class FileFor : std::uint8_t {
    owner,   ///< nobody else
    server,  ///< whoever could before; of a new one: the folder's owner and group
};
/// Runs `edit` on what is in the file at `path` (nothing: there is none) and writes what it gives:
/// to a new file first that then takes the place of the old one, so that no reader ever sees half
/// of it. Nobody else edits in that folder meanwhile. A link stays a link: what it points at is
/// replaced. Where `edit` gives what was there, nothing is written.
edge::Outcome<void> edit_file(
    const std::filesystem::path& path, FileFor whom,
    const std::function<edge::Outcome<std::string>(const std::optional<std::string>&)>& edit);

}  // namespace vigil
